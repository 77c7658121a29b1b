import type { Environment } from "@parley/rpc";
import type { Channel } from "./channel.ts";

/** Writes messages to the log: the default, for a platform on a desk. */
export function createLogChannel({ log }: Pick<Environment, "log">): Channel {
  return {
    async send({ key, recipient, subject }) {
      log.info({ notificationId: key, recipient, subject }, "notification sent");
    },
    async close() {},
  };
}
