import { Code, ConnectError } from "@connectrpc/connect";

/**
 * Decodes whole groups of four base64 characters of an `application/grpc-web-text` body. Clients may encode each frame separately, so padding may
 * occur in the middle, and after each byte in the worst case. Throws INVALID_ARGUMENT if it is not base64 (RFC 4648, section 4).
 */
export function decodeWebText(text: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe((text.length >> 2) * 3);
  let end = 0;
  for (let at = 0; at < text.length; at += 4) {
    const first = valueAt(text, at);
    const second = valueAt(text, at + 1);
    const third = valueAt(text, at + 2);
    const fourth = valueAt(text, at + 3);
    const bits = (first << 18) | (second << 12) | (third << 6) | fourth;
    const isWhole = (first | second | third | fourth) < padding;
    const isPadded = (first | second) < padding && fourth === padding && third <= padding;
    if (!isWhole && !isPadded) {
      throw notBase64();
    }
    bytes[end++] = bits >> 16;
    if (third !== padding) {
      bytes[end++] = bits >> 8;
    }
    if (isWhole) {
      bytes[end++] = bits;
    }
  }
  return bytes.subarray(0, end);
}

/** INVALID_ARGUMENT: the body is not base64. */
export function notBase64(): ConnectError {
  return new ConnectError(
    "The body is not base64, as the content-type application/grpc-web-text says.",
    Code.InvalidArgument,
  );
}

const padding = 64;
const invalid = 128;

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
const values = new Uint8Array(256).fill(invalid);
for (const [value, character] of [...alphabet].entries()) {
  values[character.charCodeAt(0)] = value;
}

function valueAt(text: Buffer, at: number): number {
  return values[text[at] ?? 0] ?? invalid;
}
