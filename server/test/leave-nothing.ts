/** The tests leave nothing behind in the checkout: a server that is told of no database keeps one in `data/`. */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folders = ["../../data/", "../data/", "../bin/data/"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

function found(): string[] {
  return folders.flatMap((folder) => (existsSync(folder) ? readdirSync(folder).map((name) => folder + name) : []));
}

/** What somebody's own server keeps there is none of the tests'. */
export default function setup(): () => void {
  const before = found();
  return () => {
    const left = found().filter((file) => !before.includes(file));
    if (left.length > 0) throw new Error(`a test has written into the checkout: ${left.join(", ")}`);
  };
}
