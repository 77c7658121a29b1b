import type { Readable, Writable } from "node:stream";

/** Reads length-delimited messages from a stream: four bytes of length, big-endian, before each message. */
export async function* readDelimited(input: Readable): AsyncGenerator<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  for await (const chunk of input) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0)) {
      const end = 4 + bytes.readUInt32BE(0);
      yield bytes.subarray(4, end);
      bytes = bytes.subarray(end);
    }
  }
  if (bytes.length > 0) {
    throw new Error("the input ends inside a message");
  }
}

/** Writes a length-delimited message. */
export function writeDelimited(output: Writable, message: Uint8Array): void {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  output.write(Buffer.concat([length, message]));
}
