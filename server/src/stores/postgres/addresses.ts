/** `postgres://user@a:5432,b:5432/database` names several servers, as libpq has it: an address for each of them. */
export function addressesOf(url: string): string[] {
  const parts = /^(\w+:\/\/(?:[^@/?]*@)?)([^/?]*)(.*)$/.exec(url);
  if (parts === null) return [url];
  const [, start = "", hosts = "", rest = ""] = parts;
  return hosts.split(",").map((host) => start + host + rest);
}
