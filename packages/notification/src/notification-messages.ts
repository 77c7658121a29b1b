import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { DeadLetter } from "@parley/events";
import {
  type DeadLetter as DeadLetterMessage,
  DeadLetterSchema,
  type FailedNotification as FailedNotificationMessage,
  FailedNotificationSchema,
  type Notification as NotificationMessage,
  NotificationSchema,
} from "@parley/gen/notification/v1/notification_pb.js";
import type { Notification } from "./notification.ts";

/** A notification as a contract message. */
export function notificationMessage(notification: Notification): NotificationMessage {
  const { id, userId, kind, recipient, subject, body, orderId, productId, state, createTimeMs, sendTimeMs } =
    notification;
  return create(NotificationSchema, {
    id,
    userId,
    kind,
    recipient,
    subject,
    body,
    orderId,
    productId,
    state,
    createTime: timestampFromMs(createTimeMs),
    ...(sendTimeMs === undefined ? {} : { sendTime: timestampFromMs(sendTimeMs) }),
  });
}

/** A failed notification as a contract message. */
export function failedNotificationMessage(notification: Notification): FailedNotificationMessage {
  const { cause, attempts, failTimeMs } = notification;
  return create(FailedNotificationSchema, {
    notification: notificationMessage(notification),
    cause,
    attempts,
    ...(failTimeMs === undefined ? {} : { failTime: timestampFromMs(failTimeMs) }),
  });
}

/** A dead letter as a contract message. */
export function deadLetterMessage({ createTimeMs, source: _, ...fields }: DeadLetter): DeadLetterMessage {
  return create(DeadLetterSchema, { ...fields, createTime: timestampFromMs(createTimeMs) });
}
