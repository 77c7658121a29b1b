import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { DeadLetter } from "@parley/events";
import {
  type DeadLetter as DeadLetterMessage,
  DeadLetterSchema,
  type Notification as NotificationMessage,
  NotificationSchema,
} from "@parley/gen/notification/v1/notification_pb.js";
import type { Notification } from "./notification.ts";

/** A notification as the contract says it. */
export function notificationMessage(notification: Notification): NotificationMessage {
  const { createTimeMs, sendTimeMs, attempts: _, ...fields } = notification;
  return create(NotificationSchema, {
    ...fields,
    createTime: timestampFromMs(createTimeMs),
    ...(sendTimeMs === undefined ? {} : { sendTime: timestampFromMs(sendTimeMs) }),
  });
}

/** A dead letter as the contract says it. */
export function deadLetterMessage({ createTimeMs, source: _, ...fields }: DeadLetter): DeadLetterMessage {
  return create(DeadLetterSchema, { ...fields, createTime: timestampFromMs(createTimeMs) });
}
