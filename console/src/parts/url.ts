/** What a page shows stands in its address, so that a link shows the same. */
import { useSearchParams } from "wouter";

/** The parameters of the address, and a way to change some of them; what is set to nothing is left out. */
export function useUrl() {
  const [params, setParams] = useSearchParams();
  const set = (changes: Readonly<Record<string, string | number | null | undefined>>, replace = true) =>
    setParams(
      (current) => {
        const next = new URLSearchParams(current);
        for (const [name, value] of Object.entries(changes)) {
          if (value === null || value === undefined || value === "") next.delete(name);
          else next.set(name, String(value));
        }
        return next;
      },
      { replace },
    );
  const pageOf = (name: string) => Math.max(1, Number.parseInt(params.get(name) ?? "1", 10) || 1);
  return { get: (name: string) => params.get(name), pageOf, page: pageOf("page"), set };
}
