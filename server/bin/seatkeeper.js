#!/usr/bin/env node
// Committed as it runs: npm links no bin that is missing at install time. The Node version is checked before
// anything is imported, because the SQLite driver ends an older Node with a segmentation fault instead of a sentence.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `seatkeeper needs Node.js 22.18 or later, and this is ${process.versions.node}. ` +
      "Run it through npm (npm start, npx seatkeeper …), which brings a newer Node along, or install one.",
  );
  process.exit(78);
}
const { main } = await import("../dist/cli/main.js");
await main(process.argv.slice(2));
