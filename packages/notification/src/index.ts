export {
  type Channel,
  ChannelUnavailableError,
  type OutgoingMessage,
  RecipientRefusedError,
} from "./channel/channel.ts";
export { createLogChannel } from "./channel/log-channel.ts";
export { openChannel } from "./channel/open-channel.ts";
export { createSmtpChannel, type SmtpOptions, smtpConnectionsMax } from "./channel/smtp-channel.ts";
export { reasons as notificationReasons } from "./notification-errors.ts";
export {
  createNotificationModule,
  type NotificationModuleOptions,
  notificationMigrations,
} from "./notification-module.ts";
