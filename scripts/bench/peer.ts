/**
 * `npm run bench:peer -- --server FILE [--server FILE]`: the same requests to one licence server or to two, each started
 * by hand beforehand and told of in a small file. docs/performance.md says how.
 */
import { parseArgs } from "node:util";
import { type CaseName, caseNames, type Figures, Pool } from "./peer/cases.ts";
import { readServerFile, type ServerFile } from "./peer/server-file.ts";
import { median, printCells } from "./table.ts";

const { values: options } = parseArgs({
  options: {
    server: { type: "string", multiple: true, default: [] },
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
    connections: { type: "string", multiple: true, default: ["1", "32", "256"] },
    tokens: { type: "string", multiple: true, default: ["100", "1000", "10000"] },
  },
});
const seconds = Number(options.seconds);
const rounds = Number(options.rounds);
if (options.server.length < 1 || options.server.length > 2 || !(seconds > 0 && rounds >= 1)) {
  console.error("bench:peer wants one --server FILE or two, and --seconds and --rounds from 1 on");
  process.exit(64);
}
const servers = options.server.map(readServerFile);

/** One line of the table: the figures of each round, by server. */
interface Line {
  readonly name: CaseName;
  readonly tokens: number;
  readonly connections: number;
  readonly figures: Figures[][];
}

const lines: Line[] = [];
for (const tokens of options.tokens.map(Number)) {
  // More callers than tokens would be a case of denials.
  for (const connections of options.connections.map(Number).filter((each) => each <= tokens)) {
    const cell = caseNames.map((name): Line => ({ name, tokens, connections, figures: servers.map(() => []) }));
    for (let round = 1; round <= rounds; round++) {
      for (const [n, server] of servers.entries()) {
        process.stderr.write(`\r${server.name}, ${tokens} tokens, ${connections} connections, round ${round}    `);
        const measured = await new Pool(server, tokens).measure(connections, seconds);
        for (const line of cell) line.figures[n]?.push(measured[line.name]);
      }
    }
    lines.push(...cell);
  }
}
process.stderr.write(`\r${" ".repeat(70)}\r`);
console.log(`${rounds} rounds of ${seconds} s, medians; one Node process asks`);
printCells(headOf(servers), lines.map(cellsOf));

function headOf(all: readonly ServerFile[]): string[] {
  const each = all.flatMap(({ name }) => [`${name}, per second`, "p50 ms", "p99 ms"]);
  return ["case", "tokens", "connections", ...each, ...(all.length === 2 ? ["rate, times", "p99, part"] : [])];
}

/** Ratios are of one round, and then their median is taken: the machine's speed drifts. */
function cellsOf({ name, tokens, connections, figures }: Line): string[] {
  const [first = [], second = []] = figures;
  const of = (all: readonly Figures[], key: keyof Figures) => median(all.map((each) => each[key]));
  const ratio = (key: keyof Figures) => median(first.map((each, n) => each[key] / (second[n]?.[key] ?? Number.NaN)));
  return [
    ...[name, String(tokens), String(connections)],
    ...figures.flatMap((all) => [
      Math.round(of(all, "perSecond")).toLocaleString("en-US"),
      ...[of(all, "p50Ms"), of(all, "p99Ms")].map((ms) => ms.toFixed(2)),
    ]),
    ...(second.length === 0 ? [] : [ratio("perSecond").toFixed(2), ratio("p99Ms").toFixed(3)]),
  ];
}
