/** Three servers on one database, as a vendor runs them; each reaches it through a proxy of its own, each by a clock of its own. */
import { fileURLToPath } from "node:url";
import { ProcessEnded, type ServerProcess, startProcess } from "../process.ts";
import { type PostgresProxy, startProxy } from "./proxy.ts";

const setClock = fileURLToPath(new URL("../histories/set-clock.ts", import.meta.url));

/** EX_TEMPFAIL: the fault lies elsewhere and may pass. */
const tryAgain = 75;
const startsMax = 10;

export class Node {
  readonly proxy: PostgresProxy;
  readonly #env: Readonly<Record<string, string>>;
  #process: ServerProcess;
  #restarting = Promise.resolve();

  private constructor(proxy: PostgresProxy, env: Readonly<Record<string, string>>, process: ServerProcess) {
    this.proxy = proxy;
    this.#env = env;
    this.#process = process;
  }

  static async start(database: string, tenantFile: string, leadMs: number): Promise<Node> {
    const proxy = await startProxy(database);
    const env = {
      SEATKEEPER_DATABASE_URL: proxy.url,
      SEATKEEPER_TENANT_FILES: tenantFile,
      SEATKEEPER_LOG_LEVEL: "info",
      NODE_OPTIONS: `--import=${setClock}`,
      CLOCK_LEAD_MS: String(leadMs),
    };
    return new Node(proxy, env, await startProcess(["serve"], env));
  }

  get url(): string {
    return this.#process.url;
  }

  /** One after the other: of two at once the first one's process would be forgotten, and outlive the test. */
  restart(): Promise<void> {
    this.#restarting = this.#restarting.then(() => this.#startAgain());
    return this.#restarting;
  }

  /** As whoever runs servers does: one that met a cut connection while it started is started again. */
  async #startAgain(): Promise<void> {
    await this.#process.stop("SIGKILL");
    for (let n = 0; ; n++) {
      try {
        this.#process = await startProcess(["serve"], this.#env);
        return;
      } catch (error) {
        if (n === startsMax || !(error instanceof ProcessEnded && error.status === tryAgain)) throw error;
      }
    }
  }

  suspend(): void {
    this.#process.signal("SIGSTOP");
  }

  wake(): void {
    this.#process.signal("SIGCONT");
  }

  output(): string {
    return this.#process.output();
  }

  async remove(): Promise<void> {
    // What is still being started is stopped too; whether it could be started was the test's matter.
    await this.#restarting.catch(() => {});
    await this.#process.stop("SIGKILL");
    await this.proxy.close();
  }
}
