import { createTransport, type Transporter } from "nodemailer";
import { type Channel, RecipientRefusedError } from "./channel.ts";

export interface SmtpOptions {
  /** For example `smtp://user:password@mail.example.com:587`, or `smtps:` for TLS from the first byte. */
  readonly url: string;
  /** The sender's address. */
  readonly from: string;
  /** How long connecting, greeting, and each silence of the server may last. */
  readonly timeoutMs?: number;
}

/** How many connections to the mail server are open at once: more gain nothing with servers that queue anyway. */
const connectionsMax = 2;

/**
 * Sends mail. The message's key becomes its Message-ID (RFC 5322, section 3.6.4), by which mail servers and readers know
 * a repeat.
 */
export function createSmtpChannel({ url, from, timeoutMs = 10_000 }: SmtpOptions): Channel {
  const transporter: Transporter = createTransport({
    url,
    pool: true,
    maxConnections: connectionsMax,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  } as Parameters<typeof createTransport>[0]);
  const domain = from.slice(from.lastIndexOf("@") + 1).replace(/>$/, "");

  return {
    async send({ key, recipient, subject, body }, signal) {
      signal.throwIfAborted();
      const handedOver = transporter.sendMail({
        from,
        to: { name: "", address: recipient },
        subject,
        text: body,
        messageId: `<${key}@${domain}>`,
      });
      try {
        await Promise.race([handedOver, aborted(signal)]);
      } catch (error) {
        throw isPermanent(error)
          ? new RecipientRefusedError("the mail server refused the message", { cause: error })
          : error;
      }
    },
    async close() {
      transporter.close();
    },
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** SMTP replies of the 500s are final (RFC 5321, section 4.2.1). */
function isPermanent(error: unknown): boolean {
  return (
    error instanceof Error &&
    "responseCode" in error &&
    typeof error.responseCode === "number" &&
    error.responseCode >= 500 &&
    error.responseCode < 600
  );
}
