import MailComposer from "nodemailer/lib/mail-composer";
import { parseConnectionUrl } from "nodemailer/lib/shared";
import { type Channel, ChannelUnavailableError, type OutgoingMessage } from "./channel.ts";
import { sendFailure } from "./smtp-errors.ts";
import { type SmtpServer, SmtpSession } from "./smtp-session.ts";

export interface SmtpOptions {
  /** For example `smtp://user:password@mail.example.com:587`, or `smtps:` for TLS from the first byte. */
  readonly url: string;
  /** The sender's address. */
  readonly from: string;
  /** The most connections, and so the most concurrent messages. Default: 2. */
  readonly connectionsMax?: number;
  /** The time for connecting, greeting and sign-in together. Default: 5 minutes. */
  readonly connectTimeoutMs?: number;
  /** The time for each reply of the server afterwards. Default: 10 minutes. */
  readonly replyTimeoutMs?: number;
}

/** Enough for a shop's mail; configure more for a slow server. */
export const smtpConnectionsMax = 2;
/** The time that a client should wait for the greeting (RFC 5321, section 4.5.3.2.1). */
const connectTimeoutDefaultMs = 5 * 60_000;
/** The time that a client should wait for the reply to a message: a shorter wait duplicates messages (RFC 5321, section 4.5.3.2.6). */
const replyTimeoutDefaultMs = 10 * 60_000;

/**
 * Sends mail. The message's key becomes its Message-ID (RFC 5322, section 3.6.4), by which mail servers and readers recognise
 * a repeat.
 */
export function createSmtpChannel(options: SmtpOptions): Channel {
  const { url, from, connectionsMax = smtpConnectionsMax } = options;
  const { connectTimeoutMs = connectTimeoutDefaultMs, replyTimeoutMs = replyTimeoutDefaultMs } = options;
  const server: SmtpServer = { ...parseConnectionUrl(url), connectTimeoutMs, replyTimeoutMs };
  const compose = createComposer(from);
  const idle: SmtpSession[] = [];
  const closing = new AbortController();

  async function openSession(signal: AbortSignal): Promise<SmtpSession> {
    for (let session = idle.pop(); session !== undefined; session = idle.pop()) {
      if (await isUsable(session, signal)) {
        return session;
      }
    }
    try {
      return await SmtpSession.open(server, signal);
    } catch (cause) {
      signal.throwIfAborted();
      throw new ChannelUnavailableError(`The mail server cannot be used: ${messageOf(cause)}`, { cause });
    }
  }

  async function isUsable(session: SmtpSession, signal: AbortSignal): Promise<boolean> {
    try {
      await session.reset(signal);
      return true;
    } catch {
      // The server closed it while it was idle.
      session.close();
      signal.throwIfAborted();
      return false;
    }
  }

  return {
    concurrencyMax: connectionsMax,
    async send(message, callerSignal) {
      const signal = AbortSignal.any([callerSignal, closing.signal]);
      signal.throwIfAborted();
      const mail = await compose(message);
      const session = await openSession(signal);
      try {
        await session.send(mail, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw sendFailure(error, message.recipient);
      } finally {
        if (session.isOpen) {
          idle.push(session);
        }
      }
    },
    async close() {
      closing.abort(new Error("The channel is closed"));
      for (const session of idle.splice(0)) {
        session.close();
      }
    },
  };
}

/** Composes mails from messages: the envelope's addresses, and the bytes. */
function createComposer(from: string) {
  const domain = from.slice(from.lastIndexOf("@") + 1).replace(/>$/, "");
  return async ({ key, recipient, subject, body }: OutgoingMessage) => {
    const mail = new MailComposer({
      from,
      to: { name: "", address: recipient },
      subject,
      text: body,
      messageId: `<${key}@${domain}>`,
      disableFileAccess: true,
      disableUrlAccess: true,
    }).compile();
    const envelope = mail.getEnvelope();
    return { from: envelope.from || "", to: recipient, message: await mail.build() };
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
