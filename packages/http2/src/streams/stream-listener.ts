/** Who is told what comes in on a stream. */
export interface StreamListener {
  /** The headers of an answer: names and values in turn. Only where we asked. */
  onHeaders(fields: readonly string[]): void;
  onData(bytes: Buffer): void;
  onTrailers(fields: readonly string[]): void;
  /** The other side has said everything. */
  onEnd(): void;
  /** The stream has ended both ways, was reset, or lost its connection. Called once, last. */
  onClose(): void;
}
