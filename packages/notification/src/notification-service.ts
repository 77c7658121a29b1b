import type { HandlerContext } from "@connectrpc/connect";
import type { Inbox } from "@parley/events";
import type { Event } from "@parley/gen/event/v1/event_pb.js";
import { EventService } from "@parley/gen/event/v1/event_service_pb.js";
import { NotificationKind } from "@parley/gen/notification/v1/notification_pb.js";
import { NotificationService } from "@parley/gen/notification/v1/notification_service_pb.js";
import { type Caller, callContextKey, type Environment } from "@parley/rpc";
import { implement, type ServiceEntry } from "@parley/rpc/server";
import { type Database, databaseTime, readPage } from "@parley/store";
import { answering, errorAnswer } from "./error-answers.ts";
import { createFailedNotifications } from "./failed-notifications.ts";
import { testText } from "./message-text.ts";
import { type Notification, newNotification } from "./notification.ts";
import { EventSourceError } from "./notification-errors.ts";
import { deadLetterMessage, failedNotificationMessage, notificationMessage } from "./notification-messages.ts";
import { insertNotifications, type NotificationFilter, notificationList } from "./notification-store.ts";
import type { Sender } from "./sending/sender.ts";
import { positionOf, type WatchSource, watchNotifications } from "./watch-notifications.ts";

/** The call itself sends a test notification. The sender retries it after this time if the process crashed. */
const testRetryDelayMs = 60_000;
/** The time that the call waits for the channel: less than the contract's timeout. An unsent notification is then returned as PENDING. */
const testWaitMs = 4_000;

export interface NotificationServiceOptions {
  readonly environment: Environment;
  readonly database: Database;
  readonly inbox: Inbox;
  readonly sender: Sender;
  readonly onWritten: WatchSource["onWritten"];
  /** Passes a notification to watchers. */
  readonly written: () => void;
}

/** The service's contracts: notifications, and the delivery of events. */
export function createNotificationServices(options: NotificationServiceOptions): readonly ServiceEntry[] {
  const { environment, database, inbox, sender, onWritten, written } = options;
  const { clock } = environment;
  const failed = createFailedNotifications({ database, clock, onDue: sender.look });

  async function sendWithin(notification: Notification): Promise<Notification> {
    const { promise: tooLong, resolve } = Promise.withResolvers<Notification>();
    const cancel = clock.after(testWaitMs, () => resolve(notification));
    const sent = sender.send(notification).finally(cancel);
    // After the wait a failure is only logged.
    sent.catch(() => {});
    return await Promise.race([sent, tooLong]);
  }

  const notifications = implement(NotificationService, {
    listNotifications: answering(async ({ userId, kind, orderId, ...page }) => {
      const list = notificationList(database, filterOf({ userId, kind, orderId }));
      const { rows, nextPageToken } = await readPage(page, list);
      return { notifications: rows.map(({ notification }) => notificationMessage(notification)), nextPageToken };
    }),

    sendTestNotification: answering(async ({ recipient, message }) => {
      const notification = newNotification({
        id: environment.newId(),
        kind: NotificationKind.TEST,
        recipient,
        ...testText(message),
        createTimeMs: clock.now(),
      });
      await database.transaction(async (transaction) => {
        const firstAttemptTimeMs = (await databaseTime(transaction, clock)) + testRetryDelayMs;
        await insertNotifications(transaction, [{ notification, firstAttemptTimeMs }]);
      });
      written();
      return { notification: notificationMessage(await sendWithin(notification)) };
    }),

    async *watchNotifications({ userId, afterPosition }, { signal }) {
      const request = { filter: filterOf({ userId }), afterPosition, signal };
      try {
        for await (const stored of watchNotifications(request, { database, clock, onWritten })) {
          yield { notification: notificationMessage(stored.notification), position: positionOf(stored) };
        }
      } catch (error) {
        throw errorAnswer(error);
      }
    },

    listFailedNotifications: answering(async (request) => {
      const page = await failed.list(request);
      return {
        failedNotifications: page.notifications.map(failedNotificationMessage),
        nextPageToken: page.nextPageToken,
      };
    }),

    redriveFailedNotifications: answering(async ({ notificationIds }) => ({
      failedNotifications: (await failed.redrive(notificationIds)).map(failedNotificationMessage),
    })),

    listDeadLetters: answering(async ({ pageSize, pageToken }) => {
      const page = await inbox.listDeadLetters({ pageSize, pageToken });
      return { deadLetters: page.deadLetters.map(deadLetterMessage), nextPageToken: page.nextPageToken };
    }),

    redriveDeadLetters: answering(async ({ eventIds }) => {
      const { deliveredEventIds, deadLetters } = await inbox.redriveDeadLetters(eventIds);
      return { deliveredEventIds: [...deliveredEventIds], deadLetters: deadLetters.map(deadLetterMessage) };
    }),
  });

  const events = implement(EventService, {
    deliver: answering(async ({ events }, { values }: HandlerContext) => {
      checkSources(events, values.get(callContextKey)?.caller);
      return { failures: [...(await inbox.deliver(events))] };
    }),
  });

  return [notifications, events];
}

/** An authenticated service may deliver only its own events. With AUTH=off there is no caller to compare with. */
function checkSources(events: readonly Event[], caller: Caller | undefined): void {
  if (caller?.kind !== "service") {
    return;
  }
  const foreign = events.find(({ source }) => source !== `/services/${caller.id}`);
  if (foreign !== undefined) {
    throw new EventSourceError(foreign.source, caller.id);
  }
}

function filterOf({
  userId,
  kind = NotificationKind.UNSPECIFIED,
  orderId = "",
}: {
  readonly userId: string;
  readonly kind?: NotificationKind;
  readonly orderId?: string;
}): NotificationFilter {
  return {
    ...(userId === "" ? {} : { userId }),
    ...(kind === NotificationKind.UNSPECIFIED ? {} : { kind }),
    ...(orderId === "" ? {} : { orderId }),
  };
}
