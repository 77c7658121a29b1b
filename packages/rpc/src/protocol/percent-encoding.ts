// Blanks at either end are encoded too: HTTP trims a header.
const plain = /^(?:[\x21-\x24\x26-\x7e](?:[\x20-\x24\x26-\x7e]*[\x21-\x24\x26-\x7e])?)?$/;
const hex = "0123456789ABCDEF";

/** Encodes a text as `grpc-message`: UTF-8, with every byte outside 0x20 to 0x7E and `%` percent-encoded. */
export function encodeGrpcMessage(message: string): string {
  if (plain.test(message)) {
    return message;
  }
  let encoded = "";
  for (const byte of Buffer.from(message, "utf8")) {
    encoded +=
      byte > 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${hex.charAt(byte >> 4)}${hex.charAt(byte & 15)}`;
  }
  return encoded;
}

/** Decodes a `grpc-message`. Invalid encodings stay unchanged: a reader must not fail over them. */
export function decodeGrpcMessage(encoded: string): string {
  if (!encoded.includes("%")) {
    return encoded;
  }
  const bytes = Buffer.from(encoded, "utf8");
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    const value = byte === 0x25 ? hexValue(bytes[i + 1]) * 16 + hexValue(bytes[i + 2]) : Number.NaN;
    if (Number.isNaN(value)) {
      bytes[length++] = byte;
    } else {
      bytes[length++] = value;
      i += 2;
    }
  }
  return bytes.toString("utf8", 0, length);
}

function hexValue(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) {
    return byte - 0x30;
  }
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : Number.NaN;
}
