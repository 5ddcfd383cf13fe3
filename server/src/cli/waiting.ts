/** Says why nothing happens for some seconds. */
export function tellWait(ms: number): void {
  console.error(
    `A server was alive on this database just now: watching for ${Math.ceil(ms / 1_000)} s whether one still is.`,
  );
}
