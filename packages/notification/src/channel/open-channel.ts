import type { Environment } from "@parley/rpc";
import { text, wholeNumber } from "@parley/rpc/server";
import type { Channel } from "./channel.ts";
import { createLogChannel } from "./log-channel.ts";
import { createSmtpChannel, smtpConnectionsMax } from "./smtp-channel.ts";

/** The settings that say how people are reached. */
export const channelSettings = {
  SMTP_URL: text({
    default: "",
    desc: "The mail server, for example smtp://localhost:25. Without it, mail goes to the log.",
  }),
  SMTP_CONNECTIONS_MAX: wholeNumber({
    min: 1,
    max: 100,
    default: smtpConnectionsMax,
    desc: "Connections to the mail server, and so mails under way at once.",
  }),
  MAIL_FROM: text({ default: "Parley <shop@example.com>", desc: "The sender of the mails." }),
};

export interface ChannelConfig {
  readonly SMTP_URL: string;
  readonly SMTP_CONNECTIONS_MAX: number;
  readonly MAIL_FROM: string;
}

/** The channel that the settings name. */
export function openChannel(
  { SMTP_URL: url, SMTP_CONNECTIONS_MAX: connectionsMax, MAIL_FROM: from }: ChannelConfig,
  environment: Environment,
): Channel {
  return url === "" ? createLogChannel(environment) : createSmtpChannel({ url, from, connectionsMax });
}
