import type { Inbox } from "@parley/events";
import { EventService } from "@parley/gen/event/v1/event_service_pb.js";
import { NotificationKind } from "@parley/gen/notification/v1/notification_pb.js";
import { NotificationService } from "@parley/gen/notification/v1/notification_service_pb.js";
import type { Environment } from "@parley/rpc";
import { implement, type ServiceEntry } from "@parley/rpc/server";
import { type Database, decodePageToken, encodePageToken, InvalidPageTokenError } from "@parley/store";
import { answerFor } from "./error-answers.ts";
import { createFailedNotifications } from "./failed-notifications.ts";
import { testText } from "./message-text.ts";
import { type Notification, newNotification } from "./notification.ts";
import { deadLetterMessage, failedNotificationMessage, notificationMessage } from "./notification-messages.ts";
import { insertNotifications, listNotifications, type NotificationFilter } from "./notification-store.ts";
import type { Sender } from "./sending/sender.ts";
import { positionOf, type WatchSource, watchNotifications } from "./watch-notifications.ts";

const pageSizeDefault = 50;
/** A test notification is sent by the call itself; only if that crashes does the sender find it, this much later. */
const testRetryDelayMs = 60_000;
/** How long the call waits for the channel: less than the contract gives it. A notification not sent by then is answered as PENDING. */
const testWaitMs = 4_000;

export interface NotificationServiceOptions {
  readonly environment: Environment;
  readonly database: Database;
  readonly inbox: Inbox;
  readonly sender: Sender;
  readonly onWritten: WatchSource["onWritten"];
  /** Tells watchers of a notification. */
  readonly written: () => void;
}

/** The contracts that the service answers: notifications, and the door through which events come in. */
export function createNotificationServices(options: NotificationServiceOptions): readonly ServiceEntry[] {
  const { environment, database, inbox, sender, onWritten, written } = options;
  const { clock } = environment;
  const failed = createFailedNotifications({ database, clock, onDue: sender.look });

  async function sendWithin(notification: Notification): Promise<Notification> {
    const { promise: tooLong, resolve } = Promise.withResolvers<Notification>();
    const cancel = clock.after(testWaitMs, () => resolve(notification));
    const sent = sender.send(notification).finally(cancel);
    // After the wait is over a failure is the log's alone.
    sent.catch(() => {});
    return await Promise.race([sent, tooLong]);
  }

  const notifications = implement(NotificationService, {
    listNotifications: mapped(async ({ userId, kind, orderId, pageSize, pageToken }) => {
      const filter = filterOf({ userId, kind, orderId });
      const list = `notifications ${JSON.stringify(filter)}`;
      const limit = pageSize === 0 ? pageSizeDefault : pageSize;
      const beforeSequence = pageToken === "" ? Number.MAX_SAFE_INTEGER : placeOf(pageToken, list);
      const found = await listNotifications(database, { filter, beforeSequence, limit: limit + 1 });
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return {
        notifications: page.map(({ notification }) => notificationMessage(notification)),
        nextPageToken: found.length > limit && last !== undefined ? encodePageToken([last.sequence], list) : "",
      };
    }),

    sendTestNotification: mapped(async ({ recipient, message }) => {
      const notification = newNotification({
        id: environment.newId(),
        kind: NotificationKind.TEST,
        recipient,
        ...testText(message),
        createTimeMs: clock.now(),
      });
      const firstAttemptTimeMs = notification.createTimeMs + testRetryDelayMs;
      await database.transaction((transaction) =>
        insertNotifications(transaction, [{ notification, firstAttemptTimeMs }]),
      );
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
        throw answerFor(error);
      }
    },

    listFailedNotifications: mapped(async (request) => {
      const page = await failed.list(request);
      return {
        failedNotifications: page.notifications.map(failedNotificationMessage),
        nextPageToken: page.nextPageToken,
      };
    }),

    redriveFailedNotifications: mapped(async ({ notificationIds }) => ({
      failedNotifications: (await failed.redrive(notificationIds)).map(failedNotificationMessage),
    })),

    listDeadLetters: mapped(async ({ pageSize, pageToken }) => {
      const page = await inbox.listDeadLetters({ pageSize: pageSize === 0 ? pageSizeDefault : pageSize, pageToken });
      return { deadLetters: page.deadLetters.map(deadLetterMessage), nextPageToken: page.nextPageToken };
    }),

    redriveDeadLetters: mapped(async ({ eventIds }) => {
      const { deliveredEventIds, deadLetters } = await inbox.redriveDeadLetters(eventIds);
      return { deliveredEventIds: [...deliveredEventIds], deadLetters: deadLetters.map(deadLetterMessage) };
    }),
  });

  const events = implement(EventService, {
    deliver: mapped(async ({ events }) => ({ failures: [...(await inbox.deliver(events))] })),
  });

  return [notifications, events];
}

function mapped<I, O>(method: (request: I) => Promise<O>): (request: I) => Promise<O> {
  return async (request) => {
    try {
      return await method(request);
    } catch (error) {
      throw answerFor(error);
    }
  };
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

function placeOf(pageToken: string, list: string): number {
  const [sequence] = decodePageToken(pageToken, list);
  if (typeof sequence !== "number") {
    throw new InvalidPageTokenError();
  }
  return sequence;
}
