/** The bytes before each message: one of flags, four of length. */
export const envelopeHeaderBytes = 5;

/** A message in its envelope. */
export function envelope(payload: Uint8Array): Buffer {
  const head = Buffer.alloc(envelopeHeaderBytes);
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}
