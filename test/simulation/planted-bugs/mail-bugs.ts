import { NotificationState } from "@parley/gen/notification/v1/notification_pb.js";
import type { Channel, OutgoingMessage } from "@parley/notification";
import type { PlantedBug } from "./planted-bug.ts";
import { rewritingStatements } from "./rewritten-statements.ts";

/** Attempts after which a careless sender gives up. */
const carelessAttemptsMax = 2;
/** How long a careless sender waits for the channel, in milliseconds. */
const carelessTimeoutMs = 15_000;

/** How other systems lose mail, send it twice, or to the wrong one. */
export const mailBugs: readonly PlantedBug[] = [
  {
    name: "mail is given up after two attempts",
    seams: {
      database: (database, { service }) =>
        service !== "notification"
          ? database
          : rewritingStatements(database, ({ sql, parameters }) => {
              const [state, attempts, ...rest] = parameters;
              const givesUp =
                sql.startsWith("UPDATE notification SET state") &&
                state === NotificationState.PENDING &&
                Number(attempts) >= carelessAttemptsMax;
              return { sql, parameters: givesUp ? [NotificationState.FAILED, attempts ?? 0, ...rest] : parameters };
            }),
    },
    breaks: ["mail"],
  },
  {
    name: "a time-out ends the wait for the mail server, and not the sending",
    seams: {
      channel: (channel, { life }) => ({
        ...channel,
        send: (message, signal) =>
          new Promise((resolve, reject) => {
            channel.send(message, signal).then(resolve, reject);
            life.clock.after(carelessTimeoutMs, () => reject(new Error("the channel took too long")));
          }),
      }),
    },
    breaks: ["mail"],
  },
  {
    name: "a mail goes to the recipient of the one before",
    seams: { channel: (channel) => mixingUp(channel, ["recipient"]) },
    breaks: ["mail"],
  },
  {
    name: "a mail has the subject of the one before",
    seams: { channel: (channel) => mixingUp(channel, ["subject"]) },
    breaks: ["mail"],
  },
];

/** A channel whose messages take something over from the one before, now that a buffer is used again. */
function mixingUp(channel: Channel, fields: readonly (keyof OutgoingMessage)[]): Channel {
  let before: OutgoingMessage | undefined;
  const mixed = (message: OutgoingMessage): OutgoingMessage => {
    const taken = Object.fromEntries(fields.map((field) => [field, (before ?? message)[field]]));
    before = message;
    return { ...message, ...taken };
  };
  const { sendAtOnce } = channel;
  return {
    ...channel,
    send: (message, signal) => channel.send(mixed(message), signal),
    ...(sendAtOnce && { sendAtOnce: (message) => sendAtOnce(mixed(message)) }),
  };
}
