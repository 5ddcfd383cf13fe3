/** What an administrator asks of a year: every chart, and pages of the denial log. */
import { cpuUsOf } from "../load.ts";
import type { Program } from "../programs.ts";
import { median } from "../table.ts";
import { adminKey, busyLicense, dayMs, isv, quietLicense } from "./history.ts";

const timesAsked = 7;
const targetMs = 200;

/** Paths with what is told of them in the table; `from` counts days back from now. */
function questions(): string[] {
  const since = (days: number) => `from=${new Date(Date.now() - days * dayMs).toISOString()}`;
  const year = since(365);
  const license = `license_id=${busyLicense}`;
  const zone = "time_zone=Europe/Berlin";
  return [
    `analytics/usage?${license}&${year}&bucket=day&${zone}`,
    `analytics/usage?${license}&${year}&bucket=hour&${zone}`,
    `analytics/usage?${license}&${year}&bucket=month&${zone}`,
    `analytics/usage?${license}&${since(3)}&bucket=minute&${zone}`,
    `analytics/usage?${year}&bucket=day&${zone}`,
    `analytics/denials?${license}&${year}&bucket=day&${zone}`,
    `analytics/denials?${license}&${year}&bucket=hour&${zone}`,
    `analytics/heatmap?${license}&${year}&${zone}`,
    `analytics/holders?${license}&${since(30)}`,
    `analytics/holders?${license}&${since(92)}`,
    `analytics/denials/holders?${license}&${since(30)}`,
    `analytics/denials/licenses?${since(92)}`,
    `analytics/episodes?${license}&${since(30)}`,
    `analytics/signs?${license}&${since(30)}`,
    `analytics/advice?${license}`,
    "analytics/overview?page=1",
    "denials?page=1",
    `denials?${license}&page=1`,
    `denials?${license}&page=1000`,
    `denials?${license}&reason=tokens_exhausted&page=1`,
    `denials?${license}&reason=license_expired&page=1`,
    `denials?${license}&client_id=user.17@factor.com&page=1`,
    `denials?${license}&client_id=nobody@factor.com&page=1`,
    `denials?${license}&${since(30)}&page=1`,
    `denials?${license}&${since(30)}&page=100`,
    `denials?${license}&to=${new Date(Date.now() - 200 * dayMs).toISOString()}&page=1`,
    `licenses/${busyLicense}/events`,
  ];
}

/** Asks each of them some times over HTTP, and prints how long the answers took, and how much of it the server's processor. */
export async function ask({ url, pid }: Program): Promise<void> {
  console.log(`${"asked".padEnd(88)} median ms  worst ms  CPU ms  target ${targetMs}`);
  for (const path of questions()) {
    const ms: number[] = [];
    const before = cpuUsOf(pid);
    for (let n = 0; n < timesAsked; n++) ms.push(await timed(`${url}/api/v2/isv/${isv}/${path}`));
    const shown = path.replace(busyLicense, "…").replace(/(from|to)=([\d-]{10})[^&]*/g, "$1=$2");
    const middle = median(ms);
    const cpuMs = (cpuUsOf(pid) - before) / 1_000 / timesAsked;
    const figures = [middle, Math.max(...ms), cpuMs].map((each, n) => each.toFixed(0).padStart([9, 8, 6][n] ?? 0));
    console.log(`${shown.padEnd(88)} ${figures.join("  ")}  ${middle < targetMs ? "met" : "missed"}`);
  }
}

/** Up to where the charts go. */
export async function countedUntil(url: string): Promise<number> {
  const from = new Date(Date.now() - dayMs).toISOString();
  const path = `analytics/usage?license_id=${quietLicense}&from=${from}`;
  const response = await fetch(`${url}/api/v2/isv/${isv}/${path}`, { headers: { AdminKey: adminKey } });
  return Date.parse(((await response.json()) as { counted_until: string }).counted_until);
}

async function timed(url: string): Promise<number> {
  const before = performance.now();
  const response = await fetch(url, { headers: { AdminKey: adminKey } });
  if (response.status !== 200) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
  return performance.now() - before;
}
