import type { RunningServer } from "../main.ts";

/**
 * SIGHUP reads the certificate again. SIGTERM and SIGINT finish what is in flight and end the process with status 0; a second one ends it at once. To be
 * called while the server starts, so that no moment is left in which a signal would just kill it; `waiting` is aborted then, for a
 * start that only waits.
 */
export function stopOnSignals(starting: Promise<RunningServer>, waiting?: AbortController): void {
  let isStopping = false;
  // Without a listener it would end the process, whatever is served.
  process.on("SIGHUP", () => void starting.then((server) => server.reload()).catch(() => {}));
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (isStopping) process.exit(130);
      isStopping = true;
      waiting?.abort();
      const stop = async (server: RunningServer) => {
        try {
          await server.stop();
          process.exit(0);
        } catch (error) {
          console.error(error);
          process.exit(70);
        }
      };
      // One that does not start is nobody's to stop: why, and with which status the process ends, says whoever starts it.
      starting.then(stop, () => {});
    });
  }
}
