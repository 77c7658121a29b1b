import { type Database, inParts, insertRows, marksFor, type Reader, type Transaction } from "@parley/store";
import type { Notification, NotificationState } from "./notification.ts";

/** A notification and its place among all of them. */
export interface StoredNotification {
  readonly sequence: number;
  readonly notification: Notification;
}

/** Which notifications are meant. What is left out restricts nothing. */
export interface NotificationFilter {
  readonly userId?: string;
  readonly kind?: number;
  readonly orderId?: string;
}

/** A notification, and when it is to be handed to its channel. */
export interface NewNotification {
  readonly notification: Notification;
  readonly firstAttemptTimeMs: number;
}

/** Writes notifications down, in order. */
export async function insertNotifications(
  transaction: Transaction,
  written: readonly NewNotification[],
): Promise<void> {
  const rows = written.map(({ notification, firstAttemptTimeMs }) => [
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
  ]);
  await insertRows(transaction, { into: insertSql, rows });
}

const insertSql = `
  INSERT INTO notification (id, user_id, kind, recipient, subject, body, order_id, product_id, state, attempts,
    next_attempt_time, create_time, send_time)`;

/** Writes down what came of attempts that ended alike: in this state, after so many, at this time. */
export async function updateNotifications(
  transaction: Transaction,
  notifications: readonly Notification[],
  { nextAttemptTimeMs }: { readonly nextAttemptTimeMs: number },
): Promise<void> {
  for (const part of inParts(notifications)) {
    const [{ state, attempts, sendTimeMs }] = part as [Notification];
    await transaction.run(
      `UPDATE notification SET state = ?, attempts = ?, send_time = ?, next_attempt_time = ? WHERE id IN (${marksFor(part)})`,
      state,
      attempts,
      sendTimeMs ?? null,
      nextAttemptTimeMs,
      ...part.map(({ id }) => id),
    );
  }
}

/** Those before `beforeSequence`, newest first. */
export async function listNotifications(
  reader: Reader,
  {
    filter,
    beforeSequence,
    limit,
  }: {
    readonly filter: NotificationFilter;
    readonly beforeSequence: number;
    readonly limit: number;
  },
): Promise<StoredNotification[]> {
  const { conditions, parameters } = where(filter);
  const rows = await reader.all<NotificationRow>(
    `SELECT * FROM notification WHERE ${["sequence < ?", ...conditions].join(" AND ")} ORDER BY sequence DESC LIMIT ?`,
    beforeSequence,
    ...parameters,
    limit,
  );
  return rows.map(fromRow);
}

/** Those after `afterSequence`, oldest first. */
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
  return rows.map(fromRow);
}

/** The sequence of the newest notification; 0 where there is none. */
export async function lastSequence(reader: Reader): Promise<number> {
  const row = await reader.get<{ last: number }>("SELECT COALESCE(MAX(sequence), 0) AS last FROM notification");
  return row?.last ?? 0;
}

/** Pending notifications whose time has come, longest due first. */
export async function readDueNotifications(
  database: Database,
  { nowMs, limit }: { readonly nowMs: number; readonly limit: number },
): Promise<Notification[]> {
  const rows = await database.all<NotificationRow>(
    "SELECT * FROM notification WHERE state = 1 AND next_attempt_time <= ? ORDER BY next_attempt_time LIMIT ?",
    nowMs,
    limit,
  );
  return rows.map((row) => fromRow(row).notification);
}

/** When the next notification is due that is not yet; undefined where there is none. */
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

interface NotificationRow {
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
}

function fromRow(row: NotificationRow): StoredNotification {
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
    },
  };
}
