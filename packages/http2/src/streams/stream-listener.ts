/** Who is told what comes in on a stream. */
export interface StreamListener {
  /** The headers of an answer: names and values in turn. Only where we asked. */
  onHeaders(fields: readonly string[]): void;
  onData(bytes: Buffer): void;
  onTrailers(fields: readonly string[]): void;
  /** The other side has said everything. */
  onEnd(): void;
  /** Its server refuses the call before its request is whole. True where the listener answers it; otherwise it is reset. */
  onRefused?(reason: () => Error): boolean;
  /** The stream has ended both ways, was reset, or lost its connection. Called once, last. */
  onClose(): void;
}
