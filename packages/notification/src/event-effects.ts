import type { EventHandlers } from "@parley/events";
import type { Environment } from "@parley/rpc";
import type { Transaction } from "@parley/store";
import { orderCancelledText, orderConfirmedText, stockLowText } from "./message-text.ts";
import { type Notification, NotificationKind, newNotification } from "./notification.ts";
import { insertNotification } from "./notification-store.ts";

export interface EventEffectsOptions {
  readonly environment: Environment;
  /** Where the shop's own alerts go. */
  readonly shopEmail: string;
  /** Told when a notification that is to be sent has become durable. */
  readonly onWritten: () => void;
}

/** What is written down for each kind of event. The inbox sees to it that each event has its effect once. */
export function createEventEffects({ environment, shopEmail, onWritten }: EventEffectsOptions): EventHandlers {
  async function write(
    transaction: Transaction,
    fields: Omit<Parameters<typeof newNotification>[0], "id" | "createTimeMs">,
  ): Promise<void> {
    const { clock, newId } = environment;
    const notification: Notification = newNotification({ ...fields, id: newId(), createTimeMs: clock.now() });
    await insertNotification(transaction, notification, { firstAttemptTimeMs: notification.createTimeMs });
    transaction.onCommit(onWritten);
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
