import type { Migration } from "@parley/store";
import { notifications } from "./0001-notifications.ts";

/** The schema's history, without that of the events package. */
export const notificationMigrations: readonly Migration[] = [notifications];
