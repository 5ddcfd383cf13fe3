/** Arrays as parameters of statements, in forms that neither side has to quote and parse element by element. */

/** Of uuids or whole numbers, in PostgreSQL's text form: nothing in them needs quotes. */
export function plain(values: readonly (string | number | null)[]): string {
  return `{${values.map((value) => value ?? "NULL").join(",")}}`;
}

const textOid = 25;

/** Of texts, in PostgreSQL's binary form: whatever is in them goes as it is. */
export function texts(values: readonly (string | null)[]): Buffer {
  const sizes = values.map((value) => (value === null ? 0 : Buffer.byteLength(value)));
  const head = values.length === 0 ? 12 : 20;
  const buffer = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + 4 + size, head));
  buffer.writeInt32BE(values.length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(values.includes(null) ? 1 : 0, 4);
  buffer.writeInt32BE(textOid, 8);
  if (values.length === 0) return buffer;
  buffer.writeInt32BE(values.length, 12);
  buffer.writeInt32BE(1, 16);
  let at = head;
  for (const [n, value] of values.entries()) {
    buffer.writeInt32BE(value === null ? -1 : (sizes[n] as number), at);
    at += 4;
    if (value !== null) at += buffer.write(value, at);
  }
  return buffer;
}
