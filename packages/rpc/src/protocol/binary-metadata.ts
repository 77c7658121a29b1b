/** Metadata with this suffix in its name is bytes, in base64. */
export const binarySuffix = "-bin";

/** Whether metadata of this name is bytes. The name is in lower case. */
export function isBinaryName(name: string): boolean {
  return name.endsWith(binarySuffix);
}

/** Encodes bytes for `-bin` metadata: base64 without padding, as gRPC requires of a sender. */
export function encodeBinaryValue(bytes: Uint8Array): string {
  const encoded = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  const padding = encoded.indexOf("=");
  return padding < 0 ? encoded : encoded.slice(0, padding);
}

/** Decodes one `-bin` value, with or without padding, in either alphabet; undefined if it is not base64. */
export function decodeBinaryValue(value: string): Buffer | undefined {
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(value) && value.replace(/=+$/, "").length % 4 !== 1
    ? Buffer.from(value, "base64")
    : undefined;
}
