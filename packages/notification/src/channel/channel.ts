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
  close(): Promise<void>;
}

/** The channel will never take this message. */
export class RecipientRefusedError extends Error {
  override readonly name = "RecipientRefusedError";
}
