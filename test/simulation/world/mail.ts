import type { Channel, OutgoingMessage } from "@parley/notification";
import type { Faults } from "./faults.ts";
import type { Life } from "./life.ts";
import type { PassPoint } from "./points.ts";
import type { Randomness } from "./randomness.ts";

/** Where messages to people end up. */
export interface Mail {
  /** How often each message came, by its key. */
  readonly received: ReadonlyMap<string, number>;
  /** The way there from a process. */
  channel(life: Life): Channel;
}

export interface MailOptions {
  readonly random: Randomness;
  readonly faults: () => Faults;
  readonly passPoint: PassPoint;
}

/** How long handing a message over takes at most, in milliseconds. */
const sendMsMax = 50;

export function createMail({ random, faults, passPoint }: MailOptions): Mail {
  const received = new Map<string, number>();
  // Which of the two a world has stays as it is: a mail server far away, or a place to write to that is always there.
  const waitsForNobody = random.chance(0.5);

  /** Whether the handing over fails: the message was refused before it was taken, or the word that it was taken got lost. */
  function take({ key }: OutgoingMessage): boolean {
    const fails = random.chance(faults().channelFailure);
    if (!fails || random.chance(0.5)) received.set(key, (received.get(key) ?? 0) + 1);
    return fails;
  }

  return {
    received,
    channel: (life) => ({
      concurrencyMax: 2,
      send: (message) =>
        new Promise((resolve, reject) => {
          passPoint(life, "send");
          if (!life.isAlive) return;
          const fails = take(message);
          life.clock.after(sendMsMax * random.next(), () => {
            if (fails) reject(new Error("the mail server went away"));
            else resolve();
          });
        }),
      ...(waitsForNobody && {
        sendAtOnce(message) {
          passPoint(life, "send");
          if (life.isAlive && take(message)) throw new Error("the message could not be written");
        },
      }),
      close: () => Promise.resolve(),
    }),
  };
}
