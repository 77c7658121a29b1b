import type { Environment } from "@parley/rpc";
import type { Channel, OutgoingMessage } from "./channel.ts";

/** Writes messages to the log: the default, for a platform on a desk. */
export function createLogChannel({ log }: Pick<Environment, "log">): Channel {
  function sendAtOnce({ key, recipient, subject }: OutgoingMessage) {
    log.info({ notificationId: key, recipient, subject }, "notification sent");
  }

  return {
    sendAtOnce,
    async send(message) {
      sendAtOnce(message);
    },
    async close() {},
  };
}
