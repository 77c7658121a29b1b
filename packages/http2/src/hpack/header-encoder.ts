import { staticTable } from "./static-table.ts";

/**
 * Encodes headers (HPACK, RFC 7541), names and values in turn, without a dynamic table: a block means the same at any time and on
 * any connection, and can be encoded once for many responses. Values are Latin-1. `before` is an encoded prefix.
 */
export function encodeFields(fields: readonly string[], before: Uint8Array = nothing): Buffer {
  let length = before.length;
  for (const text of fields) {
    // An integer of any length that a header can have takes at most four bytes.
    length += text.length + 4;
  }
  const bytes = Buffer.allocUnsafe(length);
  bytes.set(before);
  let at = before.length;
  for (let index = 0; index < fields.length; index += 2) {
    at = writeField(bytes, at, fields[index] ?? "", fields[index + 1] ?? "");
  }
  return bytes.subarray(0, at);
}

const nothing = Buffer.alloc(0);

function writeField(bytes: Buffer, start: number, name: string, value: string): number {
  const entry = staticNames.get(name);
  const same = entry?.values.get(value);
  if (same !== undefined) {
    bytes[start] = 0x80 | same;
    return start + 1;
  }
  const known = entry?.index ?? 0;
  // Secrets must not enter a dynamic table (section 7.1.3).
  let at = writeNumber(bytes, start, { prefixBits: 4, flags: secretNames.has(name) ? 0x10 : 0, value: known });
  if (known === 0) {
    at = writeString(bytes, at, name);
  }
  return writeString(bytes, at, value);
}

function writeString(bytes: Buffer, start: number, text: string): number {
  const at = writeNumber(bytes, start, { prefixBits: 7, flags: 0, value: text.length });
  return at + bytes.write(text, at, "latin1");
}

function writeNumber(
  bytes: Buffer,
  start: number,
  { prefixBits, flags, value }: { readonly prefixBits: number; readonly flags: number; readonly value: number },
): number {
  const max = (1 << prefixBits) - 1;
  if (value < max) {
    bytes[start] = flags | value;
    return start + 1;
  }
  bytes[start] = flags | max;
  let at = start + 1;
  let left = value - max;
  while (left >= 0x80) {
    bytes[at++] = 0x80 | (left & 0x7f);
    left >>>= 7;
  }
  bytes[at++] = left;
  return at;
}

interface StaticName {
  /** The first index with this name. */
  readonly index: number;
  readonly values: Map<string, number>;
}

const staticNames: ReadonlyMap<string, StaticName> = indexNames();

function indexNames(): ReadonlyMap<string, StaticName> {
  const names = new Map<string, StaticName>();
  for (const [at, [name, value]] of staticTable.entries()) {
    const known = names.get(name) ?? { index: at + 1, values: new Map<string, number>() };
    known.values.set(value, at + 1);
    names.set(name, known);
  }
  return names;
}

/** Headers that must not enter a dynamic table of the peer (section 7.1.3). */
export const secretNames: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "set-cookie",
  "proxy-authorization",
]);
