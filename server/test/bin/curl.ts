import { writeFileSync } from "node:fs";

/** The little of curl that the documents use: -s, -i, -X, -H, -d, -o and one address at loopback. */
const words = process.argv.slice(2);
const headers: [string, string][] = [];
const init: { method?: string; body?: string } = {};
let url = "";
let file = "";
while (words.length > 0) {
  const word = words.shift() as string;
  if (word === "-X") init.method = words.shift() as string;
  else if (word === "-d") init.body = words.shift() as string;
  else if (word === "-H") headers.push((words.shift() as string).split(/:\s*/, 2) as [string, string]);
  else if (word === "-o") file = words.shift() as string;
  else if (word.startsWith("http://127.0.0.1:")) url = word;
  else if (word !== "-s" && word !== "-i") throw new Error(`curl ${word}: the stand-in does not know this`);
}
const response = await fetch(url, { method: init.body === undefined ? "GET" : "POST", ...init, headers });
const text = await response.text();
if (file === "") process.stdout.write(text);
else writeFileSync(file, text);
