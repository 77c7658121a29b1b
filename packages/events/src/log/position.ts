/** A position that no log gave out, or another one. */
export class UnreadablePositionError extends Error {
  override readonly name = "UnreadablePositionError";

  constructor() {
    super("The position is not one that this stream gave out.");
  }
}

/** Events after the position are gone: begin anew, without a position. */
export class PositionGoneError extends Error {
  override readonly name = "PositionGoneError";

  constructor() {
    super("The position is so old that events after it are gone.");
  }
}

/** Says a place in a log in a way that nobody reads anything into. */
export function encodePosition(sequence: number): string {
  return Buffer.from(`s${sequence}`).toString("base64url");
}

/** Reads a position. Throws {@link UnreadablePositionError}. */
export function decodePosition(position: string): number {
  const sequence = Number(/^s(0|[1-9]\d{0,14})$/.exec(Buffer.from(position, "base64url").toString("latin1"))?.[1]);
  if (Number.isNaN(sequence) || encodePosition(sequence) !== position) {
    throw new UnreadablePositionError();
  }
  return sequence;
}
