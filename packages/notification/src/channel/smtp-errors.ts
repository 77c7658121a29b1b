import { ChannelUnavailableError, RecipientRefusedError } from "./channel.ts";

/** What nodemailer says of a failure. */
interface SmtpFailure extends Error {
  /** The server's reply code. */
  readonly responseCode?: number;
  /** The command that it answered, or `API` for what nodemailer itself refused. */
  readonly command?: string;
  readonly code?: string;
}

/** Replies that ask for another sign-in or for encryption (RFC 4954, section 6; RFC 3207), and 421, "service not available". */
const sessionCodes: ReadonlySet<number> = new Set([421, 454, 530, 534, 535, 538]);
/** "Bad sequence of commands" says nothing of the recipient. */
const badSequence = 503;

/**
 * What a failure to send says. Only what the server answers to `RCPT TO` and `DATA` is about the recipient and the message; a reply
 * in the 500s there is final (RFC 5321, section 4.2.1). What it answers to `MAIL FROM` is about the sender, who is always the same.
 */
export function sendFailure(error: unknown, recipient: string): unknown {
  if (!(error instanceof Error)) {
    return error;
  }
  const { responseCode = 0, command, code, message } = error as SmtpFailure;
  const isFinal = responseCode >= 500 && responseCode < 600 && responseCode !== badSequence;
  const refused = () =>
    new RecipientRefusedError(`The mail server refused the message for good: ${message}`, { cause: error });
  const unavailable = () => new ChannelUnavailableError(`The mail server cannot be used: ${message}`, { cause: error });
  if (sessionCodes.has(responseCode)) {
    return unavailable();
  }
  switch (command) {
    case "RCPT TO":
    case "DATA":
      return isFinal ? refused() : error;
    case "MAIL FROM":
      // The sender is refused, but for a message that is too large or an address that this server cannot write.
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
