import type { EventHandlers } from "@parley/events";
import type { Environment } from "@parley/rpc";
import type { Transaction } from "@parley/store";
import { orderCancelledText, orderConfirmedText, stockLowText } from "./message-text.ts";
import { type NewNotificationFields, type Notification, NotificationKind, newNotification } from "./notification.ts";
import { insertNotifications } from "./notification-store.ts";

export interface EventEffectsOptions {
  readonly environment: Environment;
  /** Where the shop's own alerts go. */
  readonly shopEmail: string;
  /** Told of notifications that are to be sent, once they are durable. */
  readonly onWritten: (notifications: readonly Notification[]) => void;
}

/** What is written down for each kind of event. The inbox sees to it that each event has its effect once. */
export function createEventEffects({ environment, shopEmail, onWritten }: EventEffectsOptions): EventHandlers {
  const { clock, newId } = environment;

  async function write(transaction: Transaction, fields: Omit<NewNotificationFields, "id" | "createTimeMs">) {
    transaction.beforeCommit(insertAll, newNotification({ ...fields, id: newId(), createTimeMs: clock.now() }));
  }

  async function insertAll(transaction: Transaction, notifications: readonly Notification[]) {
    const written = notifications.map((notification) => ({
      notification,
      firstAttemptTimeMs: notification.createTimeMs,
    }));
    await insertNotifications(transaction, written);
    transaction.onCommit(() => onWritten(notifications));
  }

  return {
    orderConfirmed: (payload, { transaction }) =>
      write(transaction, {
        kind: NotificationKind.ORDER_CONFIRMED,
        userId: payload.userId,
        recipient: payload.userEmail,
        orderId: payload.orderId,
        ...orderConfirmedText(payload),
      }),
    orderCancelled: (payload, { transaction }) =>
      write(transaction, {
        kind: NotificationKind.ORDER_CANCELLED,
        userId: payload.userId,
        recipient: payload.userEmail,
        orderId: payload.orderId,
        ...orderCancelledText(payload),
      }),
    stockLow: (payload, { transaction }) =>
      write(transaction, {
        kind: NotificationKind.STOCK_LOW,
        recipient: shopEmail,
        productId: payload.productId,
        ...stockLowText(payload),
      }),
  };
}
