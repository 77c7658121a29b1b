/** The envelope's length: one byte of flags, four of message length. */
export const envelopeHeaderBytes = 5;

/** Adds the envelope to a message. */
export function envelope(payload: Uint8Array): Buffer {
  const head = Buffer.alloc(envelopeHeaderBytes);
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}
