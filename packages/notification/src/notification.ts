import { NotificationKind, NotificationState } from "@parley/gen/notification/v1/notification_pb.js";

/** A notification. Times are milliseconds since the epoch. */
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
  /** The number of attempts, with any outcome. */
  readonly attempts: number;
  readonly createTimeMs: number;
  readonly sendTimeMs: number | undefined;
  /** The cause of the last failure. Empty before the first attempt, and once it is sent. */
  readonly cause: string;
  /** The start of its attempts: its creation, or the last redrive. */
  readonly retrySinceTimeMs: number;
  /** When it failed. */
  readonly failTimeMs: number | undefined;
}

/** The outcome of an attempt. `final`: retrying is useless. */
export type SendOutcome =
  | { readonly kind: "sent"; readonly timeMs: number }
  | { readonly kind: "failed"; readonly final: boolean; readonly cause: string; readonly timeMs: number };

/**
 * The time for which a notification is retried: "the give-up time generally needs to be at least 4-5 days"
 * (RFC 5321, section 4.5.4.1). Time during which the channel itself cannot be used fails none.
 */
export const retryForMs = 4 * 24 * 60 * 60 * 1000;
/** Attempts before a notification fails, however old it is: a clock that was set forward must not fail waiting ones. */
export const attemptsMin = 10;

const retryDelayFirstMs = 1_000;
const retryDelayLastMs = 10 * 60_000;
/** The jitter of a wait, up and down, so that retries do not coincide. */
const retrySpread = 0.2;
/** The longest wait between two attempts. A later due time was written before the clock was set back. */
export const retryDelayMsMax = retryDelayLastMs * (1 + retrySpread);

/** PENDING → SENT, PENDING → FAILED, or PENDING again. Throws for a notification that is not PENDING. */
export function settle(notification: Notification, outcome: SendOutcome): Notification {
  if (notification.state !== NotificationState.PENDING) {
    throw new Error(`notification ${notification.id} is settled already: ${NotificationState[notification.state]}`);
  }
  const attempts = notification.attempts + 1;
  if (outcome.kind === "sent") {
    return { ...notification, attempts, state: NotificationState.SENT, sendTimeMs: outcome.timeMs, cause: "" };
  }
  const { cause, timeMs } = outcome;
  const isTooOld = timeMs - notification.retrySinceTimeMs >= retryForMs && attempts >= attemptsMin;
  return outcome.final || isTooOld
    ? { ...notification, attempts, cause, state: NotificationState.FAILED, failTimeMs: timeMs }
    : { ...notification, attempts, cause };
}

/** FAILED → PENDING: retried from the beginning. Throws for a notification that is not FAILED. */
export function redrive(notification: Notification, nowMs: number): Notification {
  if (notification.state !== NotificationState.FAILED) {
    throw new Error(`notification ${notification.id} has not failed: ${NotificationState[notification.state]}`);
  }
  return {
    ...notification,
    state: NotificationState.PENDING,
    attempts: 0,
    retrySinceTimeMs: nowMs,
    failTimeMs: undefined,
  };
}

/** The wait before the next attempt: doubling, up to ten minutes, with 20 % jitter. Whole milliseconds, like all times. */
export function retryDelayMs(attempts: number, random: () => number): number {
  // Beyond 2^30 the doubled wait exceeds every limit, and would only overflow.
  const delay = Math.min(retryDelayFirstMs * 2 ** Math.min(attempts - 1, 30), retryDelayLastMs);
  return Math.round(delay * (1 - retrySpread + 2 * retrySpread * random()));
}

/** The data of a new notification. */
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
    cause: "",
    retrySinceTimeMs: fields.createTimeMs,
    failTimeMs: undefined,
  };
}

export { NotificationKind, NotificationState };
