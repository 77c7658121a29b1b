/** An invalid position, or one of another log. */
export class UnreadablePositionError extends Error {
  override readonly name = "UnreadablePositionError";

  constructor() {
    super(
      "`after_position` is not a position of this stream. Send the `position` of the last message received, or leave it out.",
    );
  }
}

/** Events after the position were pruned: start again without a position. */
export class PositionGoneError extends Error {
  override readonly name = "PositionGoneError";

  constructor() {
    super("Changes after `after_position` are no longer kept. Leave it out, and read the current state first.");
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
