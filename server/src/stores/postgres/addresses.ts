/** `postgres://user@a:5432,b:5432/database` names several servers, as libpq has it: an address for each of them. */
export function addressesOf(url: string): string[] {
  const parts = /^(\w+:\/\/(?:[^@/?]*@)?)([^/?]*)(.*)$/.exec(url);
  if (parts === null) return [url];
  const [, start = "", hosts = "", rest = ""] = parts;
  return hosts.split(",").map((host) => start + host + rest);
}

/** Without a name for connections: by the one that all servers give them, counting finds the transactions under way. */
export function nameless(address: string): string {
  const url = new URL(address);
  if (!url.searchParams.has("application_name")) return address;
  url.searchParams.delete("application_name");
  return url.href;
}
