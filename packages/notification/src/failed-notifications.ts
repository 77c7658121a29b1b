import type { Clock } from "@parley/rpc";
import { type Database, databaseTime, type PageRequest, readPage } from "@parley/store";
import { type Notification, NotificationState, redrive } from "./notification.ts";
import { failedNotificationList, findFailedNotifications, updateNotifications } from "./notification-store.ts";

/** The most notifications redriven at once. */
const redrivenMax = 100;

export interface FailedNotificationsOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** Called when notifications are due again. */
  readonly onDue: () => void;
}

export interface FailedNotificationPage {
  readonly notifications: readonly Notification[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** The failed notifications. */
export interface FailedNotifications {
  /** Oldest first. Throws `InvalidPageTokenError`. */
  list(page: PageRequest): Promise<FailedNotificationPage>;
  /** Redrives notifications, due at once: those with these ids, or the {@link redrivenMax} oldest ones if none are given. */
  redrive(ids: readonly string[]): Promise<readonly Notification[]>;
}

export function createFailedNotifications({ database, clock, onDue }: FailedNotificationsOptions): FailedNotifications {
  return {
    async list(page) {
      const { rows, nextPageToken } = await readPage(page, failedNotificationList(database));
      return { notifications: rows.map(({ notification }) => notification), nextPageToken };
    },
    async redrive(ids) {
      const redriven = await database.transaction(async (transaction) => {
        const nowMs = await databaseTime(transaction, clock);
        const failed =
          ids.length > 0
            ? await findFailedNotifications(transaction, ids)
            : (await failedNotificationList(transaction).read(undefined, redrivenMax)).map(
                ({ notification }) => notification,
              );
        const pending = failed.map((notification) => redrive(notification, nowMs));
        for (const notification of pending) {
          // One by one: each keeps its own cause until the next attempt.
          await updateNotifications(transaction, [notification], {
            nextAttemptTimeMs: nowMs,
            from: NotificationState.FAILED,
          });
        }
        return pending;
      });
      if (redriven.length > 0) {
        onDue();
      }
      return redriven;
    },
  };
}
