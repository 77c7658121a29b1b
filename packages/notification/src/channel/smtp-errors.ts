import { ChannelUnavailableError, RecipientRefusedError } from "./channel.ts";

/** The fields of a nodemailer error. */
interface SmtpFailure extends Error {
  /** The server's reply code. */
  readonly responseCode?: number;
  /** The command that it replied to, or `API` for refusals of nodemailer itself. */
  readonly command?: string;
  readonly code?: string;
}

/** Replies that require another sign-in or encryption (RFC 4954, section 6; RFC 3207), and 421, "service not available". */
const sessionCodes: ReadonlySet<number> = new Set([421, 454, 530, 534, 535, 538]);
/** "Bad sequence of commands" does not concern the recipient. */
const badSequence = 503;

/**
 * The meaning of a failed attempt. Only replies to `RCPT TO` and `DATA` concern the recipient and the message; a 5xx reply
 * there is final (RFC 5321, section 4.2.1). Replies to `MAIL FROM` concern the sender, which is always the same.
 */
export function sendFailure(error: unknown, recipient: string): unknown {
  if (!(error instanceof Error)) {
    return error;
  }
  const { responseCode = 0, command, code, message } = error as SmtpFailure;
  const isFinal = responseCode >= 500 && responseCode < 600 && responseCode !== badSequence;
  const refused = () =>
    new RecipientRefusedError(`The mail server refused the message permanently: ${message}`, { cause: error });
  const unavailable = () => new ChannelUnavailableError(`The mail server cannot be used: ${message}`, { cause: error });
  if (sessionCodes.has(responseCode)) {
    return unavailable();
  }
  switch (command) {
    case "RCPT TO":
    case "DATA":
      return isFinal ? refused() : error;
    case "MAIL FROM":
      // The sender is refused, unless the message is too large or this server does not support the address.
      return code === "EMESSAGE" || (isFinal && !isAscii(recipient)) ? refused() : unavailable();
    case "API":
      return code === "EENVELOPE" && !message.startsWith("Invalid sender") ? refused() : error;
    default:
      return error;
  }
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}
