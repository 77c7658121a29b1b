/** The events of a stream. */
export interface StreamListener {
  /** The headers of a response: names and values in turn. On a client only. */
  onHeaders(fields: readonly string[]): void;
  onData(bytes: Buffer): void;
  onTrailers(fields: readonly string[]): void;
  /** The peer has sent END_STREAM. */
  onEnd(): void;
  /** The server refuses the call before its request is complete. True if the listener sends a response; otherwise the stream is reset. */
  onRefused?(reason: () => Error): boolean;
  /** The stream has ended both ways, was reset, or lost its connection. Called once, last. */
  onClose(): void;
}
