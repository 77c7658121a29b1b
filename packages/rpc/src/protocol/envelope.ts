/** The bytes before each message of gRPC, gRPC-Web and Connect streams: one of flags, four of length, big-endian. */
export const envelopeHeaderBytes = 5;

/** The message is compressed with the encoding that the headers name. */
export const compressedFlag = 0b0000_0001;
/** gRPC-Web: the "message" is the trailers. */
export const grpcWebTrailerFlag = 0b1000_0000;
/** Connect streams: the "message" is the end of the stream, as JSON. */
export const connectEndStreamFlag = 0b0000_0010;

/** One enveloped message in a buffer. */
export interface Envelope {
  readonly flags: number;
  /** A view of the buffer, not a copy. */
  readonly payload: Buffer;
  /** The offset of the next envelope. */
  readonly end: number;
}

/** Wraps a message in an envelope. Copies the message once. */
export function encodeEnvelope(flags: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(envelopeHeaderBytes + payload.length);
  bytes[0] = flags;
  bytes.writeUInt32BE(payload.length, 1);
  bytes.set(payload, envelopeHeaderBytes);
  return bytes;
}

/** Reads the envelope at `offset`; undefined if the bytes end before it does. */
export function readEnvelope(bytes: Buffer, offset: number): Envelope | undefined {
  const start = offset + envelopeHeaderBytes;
  if (start > bytes.length) {
    return undefined;
  }
  const end = start + bytes.readUInt32BE(offset + 1);
  if (end > bytes.length) {
    return undefined;
  }
  return { flags: bytes[offset] ?? 0, payload: bytes.subarray(start, end), end };
}

/** The length in the header of the envelope at `offset`, to check a limit before the message has arrived; undefined if the header is incomplete. */
export function promisedBytes(bytes: Buffer, offset: number): number | undefined {
  return offset + envelopeHeaderBytes > bytes.length ? undefined : bytes.readUInt32BE(offset + 1);
}
