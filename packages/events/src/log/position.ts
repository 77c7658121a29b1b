/** An invalid position, or one of another log. */
export class UnreadablePositionError extends Error {
  override readonly name = "UnreadablePositionError";

  constructor() {
    super("The position is not one that this stream gave out.");
  }
}

/** Events after the position are gone: start again without a position. */
export class PositionGoneError extends Error {
  override readonly name = "PositionGoneError";

  constructor() {
    super("The position is so old that events after it are gone.");
  }
}

/** Encodes a sequence as an opaque position. */
export function encodePosition(sequence: number): string {
  return Buffer.from(`s${sequence}`).toString("base64url");
}

/** Decodes a position. Throws {@link UnreadablePositionError}. */
export function decodePosition(position: string): number {
  const sequence = Number(/^s(0|[1-9]\d{0,14})$/.exec(Buffer.from(position, "base64url").toString("latin1"))?.[1]);
  if (Number.isNaN(sequence) || encodePosition(sequence) !== position) {
    throw new UnreadablePositionError();
  }
  return sequence;
}
