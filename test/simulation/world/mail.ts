import { type Channel, ChannelUnavailableError, type OutgoingMessage } from "@parley/notification";
import type { Faults } from "./faults.ts";
import type { History } from "./history.ts";
import type { Life } from "./life.ts";
import type { PassPoint } from "./points.ts";
import type { Randomness } from "./randomness.ts";

/** A message that the mail server took. */
export interface MailCopy extends OutgoingMessage {
  /** The process that handed it over. */
  readonly life: Life;
  /** Whether that process was told that it failed. Then nothing keeps it from handing the message over again. */
  readonly isToldFailed: boolean;
}

/** Where messages to people end up. */
export interface Mail {
  /** The copies of each message that came, in order, by its key. */
  readonly received: ReadonlyMap<string, readonly MailCopy[]>;
  /** Stops or resumes all mail, whatever the faults. */
  setAway(isAway: boolean): void;
  /** The way there from a process. */
  channel(life: Life): Channel;
}

export interface MailOptions {
  readonly random: Randomness;
  readonly history: History;
  readonly faults: () => Faults;
  readonly passPoint: PassPoint;
}

/** How long handing a message over takes at most, in milliseconds. */
const sendMsMax = 50;
/** How long a slow server takes at most: longer than anybody would want to wait for it. */
const slowSendMsMax = 40_000;
/** Messages that are handed over at once at most. */
const concurrencyMax = 2;

/** What becomes of a message that is handed over. */
type Fate = "taken" | "taken, but told failed" | "failed" | "channel unavailable";

export function createMail({ random, history, faults, passPoint }: MailOptions): Mail {
  const received = new Map<string, MailCopy[]>();
  // Which of the two a world has stays as it is: a mail server far away, or a place to write to that is always there.
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
