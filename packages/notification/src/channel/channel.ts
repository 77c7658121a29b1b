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
  /** How many messages it takes at the same time. */
  readonly concurrencyMax: number;
  /**
   * Hands a message over. Resolves when the channel has taken it. Rejects with {@link RecipientRefusedError} if trying again is of no
   * use, with {@link ChannelUnavailableError} where no message can be handed over at present, and with another error where this
   * attempt failed or nobody knows what came of it. It ends by itself in the time that the channel's protocol allows.
   *
   * Aborting the signal ends the attempt: once the promise has settled, nothing more of the message goes out.
   */
  send(message: OutgoingMessage, signal: AbortSignal): Promise<void>;
  /**
   * Hands a message over to a channel that takes it at once: it is written down as sent to begin with. May be called again with the same
   * message. Left out where handing over takes time. What it throws leaves the message to `send`.
   */
  sendAtOnce?(message: OutgoingMessage): void;
  close(): Promise<void>;
}

/** The channel will never take this message. */
export class RecipientRefusedError extends Error {
  override readonly name = "RecipientRefusedError";
}

/** The channel cannot be used at present, whatever the message: no connection, no sign-in, no service. */
export class ChannelUnavailableError extends Error {
  override readonly name = "ChannelUnavailableError";
}
