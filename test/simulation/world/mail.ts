import { type Channel, ChannelUnavailableError, type OutgoingMessage } from "@parley/notification";
import type { Faults } from "./faults.ts";
import type { History } from "./history.ts";
import type { Life } from "./life.ts";
import type { PassPoint } from "./points.ts";
import type { Randomness } from "./randomness.ts";

/** A message that the mail server accepted. */
export interface MailCopy extends OutgoingMessage {
  /** The sending process. */
  readonly life: Life;
  /** Whether the sending process saw a failure. It may then send the message again. */
  readonly isReportedFailed: boolean;
  /** Whether it was sent before the transaction that records it: if that is rolled back, another replica sends it again. */
  readonly isAtOnce: boolean;
  /** The earlier senders that were alive then, and not asked to stop. */
  readonly sendersThen: ReadonlySet<Life>;
}

/** The simulated mail server. */
export interface Mail {
  /** The accepted copies of each message, in order, by its key. */
  readonly received: ReadonlyMap<string, readonly MailCopy[]>;
  /** Starts or ends an outage of the mail server, independent of the faults. */
  setUnreachable(isUnreachable: boolean): void;
  /** A process's channel to the mail server. */
  channel(life: Life): Channel;
}

export interface MailOptions {
  readonly random: Randomness;
  readonly history: History;
  readonly faults: () => Faults;
  readonly passPoint: PassPoint;
  /** Whether a process is alive and not asked to stop. */
  readonly isRunning: (life: Life) => boolean;
}

/** The longest time to send a message, in milliseconds. */
const sendMsMax = 50;
/** The longest time with a slow server: longer than any reasonable timeout. */
const slowSendMsMax = 40_000;
/** The maximum number of concurrent sends. */
const concurrencyMax = 2;

interface Sending {
  readonly life: Life;
  readonly outcome: Outcome;
  readonly isAtOnce: boolean;
}

/** The outcome of sending a message. */
type Outcome = "accepted" | "accepted, but reported as failed" | "failed" | "channel unavailable";

export function createMail({ random, history, faults, passPoint, isRunning }: MailOptions): Mail {
  const received = new Map<string, MailCopy[]>();
  // Fixed for each world: a remote mail server, or a local channel that is always available.
  const isLocal = random.chance(0.5);
  let isUnreachable = false;

  function drawOutcome(): Outcome {
    if (isUnreachable || random.chance(faults().mailUnreachable)) return "channel unavailable";
    if (!random.chance(faults().channelFailure)) return "accepted";
    return random.chance(0.5) ? "accepted, but reported as failed" : "failed";
  }

  function accept(message: OutgoingMessage, { life, outcome, isAtOnce }: Sending): void {
    if (outcome !== "accepted" && outcome !== "accepted, but reported as failed") return;
    const copies = received.get(message.key) ?? [];
    const sendersThen = new Set(copies.map((copy) => copy.life).filter(isRunning));
    copies.push({ ...message, life, isReportedFailed: outcome !== "accepted", isAtOnce, sendersThen });
    received.set(message.key, copies);
  }

  return {
    received,
    setUnreachable(value) {
      isUnreachable = value;
    },
    channel: (life) => ({
      concurrencyMax,
      send: (message) =>
        new Promise((resolve, reject) => {
          passPoint(life, "send");
          if (!life.isAlive) return;
          const outcome = drawOutcome();
          history.note(`${life.name} mail ${message.key}: ${outcome}`);
          accept(message, { life, outcome, isAtOnce: false });
          const delayMs = random.chance(faults().slowMail) ? slowSendMsMax : sendMsMax;
          life.clock.after(delayMs * random.next(), () => {
            if (outcome === "accepted") resolve();
            else if (outcome === "channel unavailable")
              reject(new ChannelUnavailableError("the mail server is unreachable"));
            else reject(new Error("the connection to the mail server was lost"));
          });
        }),
      ...(isLocal && {
        sendAtOnce(message) {
          passPoint(life, "send");
          if (!life.isAlive) return;
          const outcome = drawOutcome();
          history.note(`${life.name} mail ${message.key} at once: ${outcome}`);
          accept(message, { life, outcome, isAtOnce: true });
          if (outcome !== "accepted") throw new Error("the message could not be written");
        },
      }),
      close: () => Promise.resolve(),
    }),
  };
}
