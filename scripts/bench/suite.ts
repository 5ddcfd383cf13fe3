/** What a store is measured with: its cases, and the programs that they run against. */
import type { Case } from "./cases.ts";
import type { Target } from "./load.ts";

export interface Suite {
  readonly cases: readonly Case[];
  /** The cores that wrk runs on, as taskset takes them. */
  readonly loadCores: string;
  /** By the name under which cases say that they run on them. */
  readonly targets: Readonly<Record<string, Target>>;
  stop(): Promise<void>;
}
