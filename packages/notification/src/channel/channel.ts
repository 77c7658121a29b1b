/** A message to send. */
export interface OutgoingMessage {
  /** The same for every attempt, so that the receiver can recognise a repeat. */
  readonly key: string;
  readonly recipient: string;
  readonly subject: string;
  readonly body: string;
}

/** A way of sending messages. */
export interface Channel {
  /** The number of messages that it accepts at the same time. */
  readonly concurrencyMax: number;
  /**
   * Sends a message. Resolves when the channel has accepted it. Rejects with {@link RecipientRefusedError} if retrying is
   * useless, with {@link ChannelUnavailableError} if no message can be sent at present, and with another error if this
   * attempt failed or its outcome is unknown. The channel limits the time of an attempt as its protocol requires.
   *
   * Aborting the signal ends the attempt: once the promise has settled, no more of the message is sent.
   */
  send(message: OutgoingMessage, signal: AbortSignal): Promise<void>;
  /**
   * Sends a message synchronously: its notification is inserted as SENT. May be called again with the same
   * message. Omitted by channels that send asynchronously. If it throws, the message is left to `send`.
   */
  sendAtOnce?(message: OutgoingMessage): void;
  close(): Promise<void>;
}

/** The channel will never accept this message. */
export class RecipientRefusedError extends Error {
  override readonly name = "RecipientRefusedError";
}

/** The channel accepts no message at present: it is not connected, not signed in, or not in service. */
export class ChannelUnavailableError extends Error {
  override readonly name = "ChannelUnavailableError";
}
