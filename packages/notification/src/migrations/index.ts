import type { Migration } from "@parley/store";
import { notifications } from "./0001-notifications.ts";
import { failedNotifications } from "./0002-failed-notifications.ts";
import { notificationHead } from "./0003-notification-head.ts";

/** The service's own migrations, without those of the events package. */
export const notificationMigrations: readonly Migration[] = [notifications, failedNotifications, notificationHead];
