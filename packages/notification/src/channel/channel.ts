/** What goes out. */
export interface OutgoingMessage {
  /** Stays the same however often the message is handed over, so that the far side can tell a repeat. */
  readonly key: string;
  readonly recipient: string;
  readonly subject: string;
  readonly body: string;
}

/** A way to reach people. */
export interface Channel {
  /** Hands a message over. Rejects with {@link RecipientRefusedError} where trying again is of no use. */
  send(message: OutgoingMessage, signal: AbortSignal): Promise<void>;
  /**
   * Hands a message over to a channel that waits for nobody: what it takes is written down as sent to begin with. May be called again
   * with the same message. Not there where handing over takes time. What it throws leaves the message to `send`.
   */
  sendAtOnce?(message: OutgoingMessage): void;
  close(): Promise<void>;
}

/** The channel will never take this message. */
export class RecipientRefusedError extends Error {
  override readonly name = "RecipientRefusedError";
}
