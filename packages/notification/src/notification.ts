import { NotificationKind, NotificationState } from "@parley/gen/notification/v1/notification_pb.js";

/** What the service knows of a notification. Times are milliseconds since the epoch. */
export interface Notification {
  readonly id: string;
  readonly userId: string;
  readonly kind: NotificationKind;
  readonly recipient: string;
  readonly subject: string;
  readonly body: string;
  readonly orderId: string;
  readonly productId: string;
  readonly state: NotificationState;
  /** How often it was handed to the channel and came back. */
  readonly attempts: number;
  readonly createTimeMs: number;
  readonly sendTimeMs: number | undefined;
}

/** What came of handing a notification to its channel. */
export type SendOutcome =
  | { readonly kind: "sent"; readonly timeMs: number }
  | { readonly kind: "failed"; readonly final: boolean };

/** How often a notification is handed to its channel before it counts as failed: over half an hour, with the waits below. */
export const attemptsMax = 8;

const retryDelayFirstMs = 1_000;
const retryDelayMaxMs = 10 * 60_000;

/** PENDING → SENT, or PENDING → FAILED; a notification that is settled never moves again. */
export function settle(notification: Notification, outcome: SendOutcome): Notification {
  if (notification.state !== NotificationState.PENDING) {
    throw new Error(`notification ${notification.id} is settled already: ${NotificationState[notification.state]}`);
  }
  const attempts = notification.attempts + 1;
  if (outcome.kind === "sent") {
    return { ...notification, attempts, state: NotificationState.SENT, sendTimeMs: outcome.timeMs };
  }
  const over = outcome.final || attempts >= attemptsMax;
  return { ...notification, attempts, state: over ? NotificationState.FAILED : NotificationState.PENDING };
}

/** The wait before the next attempt: doubling, up to ten minutes, spread by 20 % so that failures do not return together. Whole milliseconds, as times are kept. */
export function retryDelayMs(attempts: number, random: () => number): number {
  const delay = Math.min(retryDelayFirstMs * 2 ** (attempts - 1), retryDelayMaxMs);
  return Math.round(delay * (0.8 + 0.4 * random()));
}

/** What is to be known of a new notification. */
export type NewNotificationFields = Pick<
  Notification,
  "id" | "kind" | "recipient" | "subject" | "body" | "createTimeMs"
> &
  Partial<Pick<Notification, "userId" | "orderId" | "productId">>;

/** A new notification, not yet sent. */
export function newNotification(fields: NewNotificationFields): Notification {
  return {
    id: fields.id,
    userId: fields.userId ?? "",
    kind: fields.kind,
    recipient: fields.recipient,
    subject: fields.subject,
    body: fields.body,
    orderId: fields.orderId ?? "",
    productId: fields.productId ?? "",
    state: NotificationState.PENDING,
    attempts: 0,
    createTimeMs: fields.createTimeMs,
    sendTimeMs: undefined,
  };
}

export { NotificationKind, NotificationState };
