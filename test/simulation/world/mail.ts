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
  readonly isToldFailed: boolean;
  /** Whether it was sent before the transaction that records it: if that is rolled back, another replica sends it again. */
  readonly isAtOnce: boolean;
  /** The earlier senders that were there then, and not asked to stop. */
  readonly sendersThen: ReadonlySet<Life>;
}

/** The simulated mail server. */
export interface Mail {
  /** The accepted copies of each message, in order, by its key. */
  readonly received: ReadonlyMap<string, readonly MailCopy[]>;
  /** Starts or ends an outage of the mail server, independent of the faults. */
  setAway(isAway: boolean): void;
  /** A process's channel to the mail server. */
  channel(life: Life): Channel;
}

export interface MailOptions {
  readonly random: Randomness;
  readonly history: History;
  readonly faults: () => Faults;
  readonly passPoint: PassPoint;
  /** Whether a process is alive and not asked to stop. */
  readonly isStanding: (life: Life) => boolean;
}

/** The longest time to send a message, in milliseconds. */
const sendMsMax = 50;
/** The longest time with a slow server: longer than any reasonable timeout. */
const slowSendMsMax = 40_000;
/** The maximum number of concurrent sends. */
const concurrencyMax = 2;

interface Sending {
  readonly life: Life;
  readonly fate: Fate;
  readonly isAtOnce: boolean;
}

/** The outcome of sending a message. */
type Fate = "taken" | "taken, but told failed" | "failed" | "channel unavailable";

export function createMail({ random, history, faults, passPoint, isStanding }: MailOptions): Mail {
  const received = new Map<string, MailCopy[]>();
  // Fixed for each world: a remote mail server, or a local channel that is always available.
  const isAtHand = random.chance(0.5);
  let isAway = false;

  function drawFate(): Fate {
    if (isAway || random.chance(faults().mailAway)) return "channel unavailable";
    if (!random.chance(faults().channelFailure)) return "taken";
    return random.chance(0.5) ? "taken, but told failed" : "failed";
  }

  function take(message: OutgoingMessage, { life, fate, isAtOnce }: Sending): void {
    if (fate !== "taken" && fate !== "taken, but told failed") return;
    const copies = received.get(message.key) ?? [];
    const sendersThen = new Set(copies.map((copy) => copy.life).filter(isStanding));
    copies.push({ ...message, life, isToldFailed: fate !== "taken", isAtOnce, sendersThen });
    received.set(message.key, copies);
  }

  return {
    received,
    setAway(away) {
      isAway = away;
    },
    channel: (life) => ({
      concurrencyMax,
      send: (message) =>
        new Promise((resolve, reject) => {
          passPoint(life, "send");
          if (!life.isAlive) return;
          const fate = drawFate();
          history.note(`${life.name} mail ${message.key}: ${fate}`);
          take(message, { life, fate, isAtOnce: false });
          const delayMs = random.chance(faults().slowMail) ? slowSendMsMax : sendMsMax;
          life.clock.after(delayMs * random.next(), () => {
            if (fate === "taken") resolve();
            else if (fate === "channel unavailable") reject(new ChannelUnavailableError("the mail server is away"));
            else reject(new Error("the mail server went away"));
          });
        }),
      ...(isAtHand && {
        sendAtOnce(message) {
          passPoint(life, "send");
          if (!life.isAlive) return;
          const fate = drawFate();
          history.note(`${life.name} mail ${message.key} at once: ${fate}`);
          take(message, { life, fate, isAtOnce: true });
          if (fate !== "taken") throw new Error("the message could not be written");
        },
      }),
      close: () => Promise.resolve(),
    }),
  };
}
