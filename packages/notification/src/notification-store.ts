import {
  type Database,
  inParts,
  insertNumbered,
  marksFor,
  type PagedList,
  type Reader,
  type Transaction,
} from "@parley/store";
import { type Notification, NotificationState, retryDelayMsMax } from "./notification.ts";

/** A notification and its sequence. */
export interface StoredNotification {
  readonly sequence: number;
  readonly notification: Notification;
}

/** The filter of a list. Omitted fields match everything. */
export interface NotificationFilter {
  readonly userId?: string;
  readonly kind?: number;
  readonly orderId?: string;
}

/** A notification, and when its next attempt is due. */
export interface NewNotification {
  readonly notification: Notification;
  readonly firstAttemptTimeMs: number;
}

/** Inserts notifications, in order. An existing id is left unchanged: its event was repeated. */
export async function insertNotifications(
  transaction: Transaction,
  written: readonly NewNotification[],
): Promise<void> {
  if (written.length === 0) {
    return;
  }
  const rows = written.map(({ notification, firstAttemptTimeMs }, index) => [
    index + 1,
    notification.id,
    notification.userId,
    notification.kind,
    notification.recipient,
    notification.subject,
    notification.body,
    notification.orderId,
    notification.productId,
    notification.state,
    notification.attempts,
    firstAttemptTimeMs,
    notification.createTimeMs,
    notification.sendTimeMs ?? null,
    notification.retrySinceTimeMs,
  ]);
  await insertNumbered(transaction, {
    head: "notification_head",
    count: rows.length,
    inserts: [{ into: insertSql, rows, ending: "ON CONFLICT (id) DO NOTHING" }],
  });
}

/** Those of these ids that have a notification. */
export async function knownIds(reader: Reader, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const parts = [...inParts(ids)].map((part) =>
    reader.all<{ id: string }>(`SELECT id FROM notification WHERE id IN (${marksFor(part)})`, ...part),
  );
  return new Set((await Promise.all(parts)).flat().map(({ id }) => id));
}

const insertSql = `
  INSERT INTO notification (sequence, id, user_id, kind, recipient, subject, body, order_id, product_id, state, attempts,
    next_attempt_time, create_time, send_time, retry_since_time)`;

/** The due time after an update, and the state before it. */
export interface NotificationUpdate {
  readonly nextAttemptTimeMs: number;
  /** Notifications in another state, which another replica settled, are left unchanged. Default: PENDING. */
  readonly from?: NotificationState;
}

/** Updates notifications with equal outcomes: this state, this number of attempts, this time, this cause. */
export async function updateNotifications(
  transaction: Transaction,
  notifications: readonly Notification[],
  { nextAttemptTimeMs, from = NotificationState.PENDING }: NotificationUpdate,
): Promise<void> {
  for (const part of inParts(notifications)) {
    const [{ state, attempts, sendTimeMs, cause, retrySinceTimeMs, failTimeMs }] = part as [Notification];
    await transaction.run(
      `UPDATE notification SET state = ?, attempts = ?, send_time = ?, next_attempt_time = ?, cause = ?, retry_since_time = ?,
         fail_time = ?
       WHERE id IN (${marksFor(part)}) AND state = ?`,
      state,
      attempts,
      sendTimeMs ?? null,
      nextAttemptTimeMs,
      cause,
      retrySinceTimeMs,
      failTimeMs ?? null,
      ...part.map(({ id }) => id),
      from,
    );
  }
}

/** The failed notifications, oldest first, for reading page by page. */
export function failedNotificationList(reader: Reader): PagedList<StoredNotification, [sequence: number]> {
  return {
    list: "failed notifications",
    keyTypes: ["number"],
    keyOf: ({ sequence }) => [sequence],
    async read(after, limit) {
      const sql = "SELECT * FROM notification WHERE state = 3 AND sequence > ? ORDER BY sequence LIMIT ?";
      return (await reader.all<NotificationRow>(sql, after?.[0] ?? 0, limit)).map(notificationOfRow);
    },
  };
}

/** The failed notifications with these ids, oldest first. */
export async function findFailedNotifications(reader: Transaction, ids: readonly string[]): Promise<Notification[]> {
  const rows = await reader.all<NotificationRow>(
    `SELECT * FROM notification WHERE state = 3 AND id IN (${marksFor(ids)}) ORDER BY sequence FOR UPDATE`,
    ...ids,
  );
  return rows.map((row) => notificationOfRow(row).notification);
}

/** The notifications that match a filter, newest first, for reading page by page. */
export function notificationList(
  reader: Reader,
  filter: NotificationFilter,
): PagedList<StoredNotification, [sequence: number]> {
  const { conditions, parameters } = where(filter);
  return {
    list: `notifications ${JSON.stringify(filter)}`,
    keyTypes: ["number"],
    keyOf: ({ sequence }) => [sequence],
    async read(after, limit) {
      const filters = ["sequence < ?", ...conditions].join(" AND ");
      const sql = `SELECT * FROM notification WHERE ${filters} ORDER BY sequence DESC LIMIT ?`;
      const before = after?.[0] ?? Number.MAX_SAFE_INTEGER;
      return (await reader.all<NotificationRow>(sql, before, ...parameters, limit)).map(notificationOfRow);
    },
  };
}

/** The notifications after `afterSequence`, oldest first. */
export async function readNotifications(
  reader: Reader,
  {
    filter,
    afterSequence,
    limit,
  }: {
    readonly filter: NotificationFilter;
    readonly afterSequence: number;
    readonly limit: number;
  },
): Promise<StoredNotification[]> {
  const { conditions, parameters } = where(filter);
  const rows = await reader.all<NotificationRow>(
    `SELECT * FROM notification WHERE ${["sequence > ?", ...conditions].join(" AND ")} ORDER BY sequence LIMIT ?`,
    afterSequence,
    ...parameters,
    limit,
  );
  return rows.map(notificationOfRow);
}

/** The sequence of the newest notification; 0 if there is none. */
export async function lastSequence(reader: Reader): Promise<number> {
  const row = await reader.get<{ last: number }>("SELECT COALESCE(MAX(sequence), 0) AS last FROM notification");
  return row?.last ?? 0;
}

/**
 * Due pending notifications, longest overdue first. A due time of more than {@link retryDelayMsMax} from now means that the clock was
 * set back: those are due too.
 */
export async function readDueNotifications(
  database: Database,
  { nowMs, limit }: { readonly nowMs: number; readonly limit: number },
): Promise<Notification[]> {
  const read = (condition: string, timeMs: number, room: number) =>
    database.all<NotificationRow>(
      `SELECT * FROM notification WHERE state = 1 AND next_attempt_time ${condition} ? ORDER BY next_attempt_time LIMIT ?`,
      timeMs,
      room,
    );
  const rows = await read("<=", nowMs, limit);
  const misdated = rows.length < limit ? await read(">", nowMs + retryDelayMsMax, limit - rows.length) : [];
  return [...rows, ...misdated].map((row) => notificationOfRow(row).notification);
}

/** Makes notifications that are due after `afterMs` due `byMs` sooner: the clock was set back by that much. */
export async function makeDueSooner(
  transaction: Transaction,
  { afterMs, byMs }: { readonly afterMs: number; readonly byMs: number },
): Promise<void> {
  await transaction.run(
    "UPDATE notification SET next_attempt_time = next_attempt_time - ? WHERE state = 1 AND next_attempt_time > ?",
    byMs,
    afterMs,
  );
}

/** When the next notification is due. Undefined if none is due after `afterMs`. */
export async function nextDueTimeMs(
  reader: Reader,
  { afterMs }: { readonly afterMs: number },
): Promise<number | undefined> {
  const row = await reader.get<{ next: number | null }>(
    "SELECT MIN(next_attempt_time) AS next FROM notification WHERE state = 1 AND next_attempt_time > ?",
    afterMs,
  );
  return row?.next ?? undefined;
}

function where({ userId, kind, orderId }: NotificationFilter) {
  const conditions: string[] = [];
  const parameters: (string | number)[] = [];
  for (const [column, value] of [
    ["user_id", userId],
    ["kind", kind],
    ["order_id", orderId],
  ] as const) {
    if (value !== undefined) {
      conditions.push(`${column} = ?`);
      parameters.push(value);
    }
  }
  return { conditions, parameters };
}

/** A row of the table `notification`. */
export interface NotificationRow {
  readonly sequence: number;
  readonly id: string;
  readonly user_id: string;
  readonly kind: number;
  readonly recipient: string;
  readonly subject: string;
  readonly body: string;
  readonly order_id: string;
  readonly product_id: string;
  readonly state: number;
  readonly attempts: number;
  readonly create_time: number;
  readonly send_time: number | null;
  readonly cause: string;
  readonly retry_since_time: number;
  readonly fail_time: number | null;
}

/** The notification that a row holds. */
export function notificationOfRow(row: NotificationRow): StoredNotification {
  return {
    sequence: row.sequence,
    notification: {
      id: row.id,
      userId: row.user_id,
      kind: row.kind,
      recipient: row.recipient,
      subject: row.subject,
      body: row.body,
      orderId: row.order_id,
      productId: row.product_id,
      state: row.state satisfies NotificationState,
      attempts: row.attempts,
      createTimeMs: row.create_time,
      sendTimeMs: row.send_time ?? undefined,
      cause: row.cause,
      retrySinceTimeMs: row.retry_since_time,
      failTimeMs: row.fail_time ?? undefined,
    },
  };
}
