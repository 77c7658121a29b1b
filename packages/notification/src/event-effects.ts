import type { Delivery, EventHandlers } from "@parley/events";
import type { Clock } from "@parley/rpc";
import { databaseTime, type Transaction } from "@parley/store";
import { orderCancelledText, orderConfirmedText, stockLowText } from "./message-text.ts";
import { type NewNotificationFields, type Notification, NotificationKind, newNotification } from "./notification.ts";
import { insertNotifications, knownIds } from "./notification-store.ts";

export interface EventEffectsOptions {
  readonly clock: Clock;
  /** The recipient of the shop's alerts. */
  readonly shopEmail: string;
  /** Sends a notification if the channel sends synchronously, and returns it with the outcome. */
  readonly sendAtOnce: (notification: Notification) => Notification;
  /** When other replicas may attempt the notifications; this replica attempts them at once. Default: at once. */
  readonly firstAttemptTimeMs?: (
    transaction: Transaction,
    notifications: readonly Notification[],
  ) => Promise<number | undefined>;
  /** Called with a notification's id and the span that caused it. */
  readonly noteTrace?: (id: string, traceparent: string | undefined) => void;
  /** Called with notifications once they are durable. */
  readonly onWritten: (notifications: readonly Notification[]) => void;
}

/** The notification of each kind of event. The inbox ensures that each event has its effect once. */
export function createEventEffects(options: EventEffectsOptions): EventHandlers {
  const { clock, shopEmail, sendAtOnce, onWritten, noteTrace, firstAttemptTimeMs = async () => undefined } = options;

  // An event has one notification, with the event's id (a UUID for the platform's sources). If the transaction is lost, the next one inserts the
  // notification under the same key.
  async function write(
    { transaction, event, traceparent }: Delivery,
    fields: Omit<NewNotificationFields, "id" | "createTimeMs">,
  ) {
    // No notification is sent to a guest without an address.
    if (fields.recipient === "") {
      return;
    }
    noteTrace?.(event.id, traceparent);
    transaction.beforeCommit(insertAll, newNotification({ ...fields, id: event.id, createTimeMs: clock.now() }));
  }

  async function insertAll(transaction: Transaction, notifications: readonly Notification[]) {
    // The notification of an event that is repeated after the inbox pruned its mark exists already.
    const known = await knownIds(
      transaction,
      notifications.map(({ id }) => id),
    );
    const written = notifications.filter(({ id }) => !known.has(id)).map(sendAtOnce);
    const firstMs = (await firstAttemptTimeMs(transaction, written)) ?? (await databaseTime(transaction, clock));
    await insertNotifications(
      transaction,
      written.map((notification) => ({ notification, firstAttemptTimeMs: firstMs })),
    );
    transaction.onCommit(() => onWritten(written));
  }

  return {
    orderConfirmed: (payload, delivery) =>
      write(delivery, {
        kind: NotificationKind.ORDER_CONFIRMED,
        userId: payload.userId,
        recipient: payload.userEmail,
        orderId: payload.orderId,
        ...orderConfirmedText(payload),
      }),
    orderCancelled: (payload, delivery) =>
      write(delivery, {
        kind: NotificationKind.ORDER_CANCELLED,
        userId: payload.userId,
        recipient: payload.userEmail,
        orderId: payload.orderId,
        ...orderCancelledText(payload),
      }),
    stockLow: (payload, delivery) =>
      write(delivery, {
        kind: NotificationKind.STOCK_LOW,
        recipient: shopEmail,
        productId: payload.productId,
        ...stockLowText(payload),
      }),
  };
}
