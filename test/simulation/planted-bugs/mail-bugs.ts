import { NotificationState } from "@parley/gen/notification/v1/notification_pb.js";
import type { Channel, OutgoingMessage } from "@parley/notification";
import type { PlantedBug } from "./planted-bug.ts";
import { rewritingStatements } from "./rewritten-statements.ts";

/** The attempts after which a careless sender gives up. */
const carelessAttemptsMax = 2;
/** A careless sender's timeout for the channel, in milliseconds. */
const carelessTimeoutMs = 15_000;

/** Bugs that lose mail, send it twice, or send it to the wrong recipient. */
export const mailBugs: readonly PlantedBug[] = [
  {
    name: "mail is abandoned after two attempts",
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
    name: "a timeout ends the wait for the mail server, but not the sending",
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
    name: "a mail goes to the recipient of the previous one",
    seams: { channel: (channel) => mixingUp(channel, ["recipient"]) },
    breaks: ["mail"],
  },
  {
    name: "a mail has the subject of the previous one",
    seams: { channel: (channel) => mixingUp(channel, ["subject"]) },
    breaks: ["mail"],
  },
];

/** A channel that leaks fields of one message into the next, as with a reused buffer. */
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
