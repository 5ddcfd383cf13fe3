/**
 * A Team project: three colleagues in one project, for one token. A fourth person finds the Mono pool untouched.
 *
 *     export SEATKEEPER_URL=… SEATKEEPER_ISV=… SEATKEEPER_API_KEY=… SEATKEEPER_LICENSE=…
 *     node team-project.ts
 */
import { launcher, ProjectInUse } from "@seatkeeper/client";

const as = (user: string) => launcher({ user });
const anna = as("anna");

for (const [name, kind] of [
  ["site", "team"],
  ["bridge", "mono"],
] as const) {
  await anna.createProject(name);
  await anna.openProject(name, kind);
}

{
  await using _anna = await anna.connect("site"); // takes the Team token
  await using _ben = await as("ben").connect("site"); // shares it
  await using cem = await as("cem").connect("site");
  console.log(`${await anna.project("site")}; ${await anna.licenses()}`);

  await using _dora = await as("dora").connect("bridge"); // takes a Mono token
  try {
    await using _ = await as("emil").connect("bridge");
  } catch (error) {
    if (!(error instanceof ProjectInUse)) throw error;
    console.log(`emil is told: ${error.holders.map(({ user }) => user).join(", ")} is in it`);
  }

  cem.lost.addEventListener("abort", () => console.log(`cem is out: ${cem.lost.reason}`));
  await cem.save();
}
console.log(`everybody has left; ${await anna.licenses()}`);

for (const name of ["site", "bridge"]) {
  await anna.closeProject(name, { save: true });
  await anna.deleteProject(name);
}
