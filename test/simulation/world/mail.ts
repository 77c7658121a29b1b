import type { Channel } from "@parley/notification";
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
  return {
    received,
    channel: (life) => ({
      send: ({ key }) =>
        new Promise((resolve, reject) => {
          passPoint(life, "send");
          if (!life.isAlive) return;
          const fails = random.chance(faults().channelFailure);
          // Refused before it was taken, or the word that it was taken got lost.
          if (!fails || random.chance(0.5)) received.set(key, (received.get(key) ?? 0) + 1);
          life.clock.after(sendMsMax * random.next(), () => {
            if (fails) reject(new Error("the mail server went away"));
            else resolve();
          });
        }),
      close: () => Promise.resolve(),
    }),
  };
}
