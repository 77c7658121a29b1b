import { type OutgoingHttpHeaders, sensitiveHeaders } from "node:http2";
import { singleNames } from "../header-fields.ts";
import { HeaderDecoder } from "../hpack/header-decoder.ts";
import { secretNames } from "../hpack/header-encoder.ts";

/**
 * A block from `encodeFields` as headers for `node:http2`. Such a block uses no dynamic table, so it can be decoded without its connection.
 * Values that must not be indexed are marked (RFC 7541, section 7.1.3).
 */
export function nodeHeaders(block: Uint8Array): OutgoingHttpHeaders {
  const { fields } = decoder.read(Buffer.from(block.buffer, block.byteOffset, block.byteLength));
  const headers: Record<string | symbol, unknown> = { __proto__: null };
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = fields[index + 1] as string;
    const before = headers[name];
    if (before === undefined) {
      headers[name] = value;
    } else if (Array.isArray(before)) {
      before.push(value);
    } else if (!singleNames.has(name)) {
      headers[name] = [before, value];
    }
  }
  headers[sensitiveHeaders] = [...secretNames].filter((name) => headers[name] !== undefined);
  return headers as OutgoingHttpHeaders;
}

const decoder = new HeaderDecoder(Number.MAX_SAFE_INTEGER);
