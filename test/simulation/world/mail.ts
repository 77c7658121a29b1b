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
}

/** The longest time to send a message, in milliseconds. */
const sendMsMax = 50;
/** The longest time with a slow server: longer than any reasonable timeout. */
const slowSendMsMax = 40_000;
/** The maximum number of concurrent sends. */
const concurrencyMax = 2;

/** The outcome of sending a message. */
type Fate = "taken" | "taken, but told failed" | "failed" | "channel unavailable";

export function createMail({ random, history, faults, passPoint }: MailOptions): Mail {
  const received = new Map<string, MailCopy[]>();
  // Fixed for each world: a remote mail server, or a local channel that is always available.
  const isAtHand = random.chance(0.5);
  let isAway = false;

  function drawFate(): Fate {
    if (isAway || random.chance(faults().mailAway)) return "channel unavailable";
    if (!random.chance(faults().channelFailure)) return "taken";
    return random.chance(0.5) ? "taken, but told failed" : "failed";
  }

  function take(message: OutgoingMessage, life: Life, fate: Fate): void {
    if (fate !== "taken" && fate !== "taken, but told failed") return;
    const copies = received.get(message.key) ?? [];
    copies.push({ ...message, life, isToldFailed: fate !== "taken" });
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
          take(message, life, fate);
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
          take(message, life, fate);
          if (fate !== "taken") throw new Error("the message could not be written");
        },
      }),
      close: () => Promise.resolve(),
    }),
  };
}
