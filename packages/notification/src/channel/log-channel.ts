import { createLineLog, type Environment } from "@parley/rpc";
import type { Channel, OutgoingMessage } from "./channel.ts";

/** Writes messages to the log: the default, for development. */
export function createLogChannel({ log }: Pick<Environment, "log">): Channel {
  const lines = createLineLog(log, { message: "notification sent" });

  function sendAtOnce({ key, recipient, subject }: OutgoingMessage) {
    if (lines.isEnabled()) {
      lines.write(JSON.stringify({ notificationId: key, recipient, subject }).slice(1, -1));
    }
  }

  return {
    concurrencyMax: 1,
    sendAtOnce,
    async send(message) {
      sendAtOnce(message);
    },
    async close() {},
  };
}
