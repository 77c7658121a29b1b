import type { Environment } from "@parley/rpc";
import type { Channel } from "./channel.ts";
import { createLogChannel } from "./log-channel.ts";
import { createSmtpChannel } from "./smtp-channel.ts";

/** The settings of the channel. */
export interface ChannelConfig {
  readonly SMTP_URL: string;
  readonly SMTP_CONNECTIONS_MAX: number;
  readonly MAIL_FROM: string;
}

/** The channel in the settings: mail, or the log if there is no mail server. */
export function openChannel(
  { SMTP_URL: url, SMTP_CONNECTIONS_MAX: connectionsMax, MAIL_FROM: from }: ChannelConfig,
  environment: Environment,
): Channel {
  return url === "" ? createLogChannel(environment) : createSmtpChannel({ url, from, connectionsMax });
}
