import type { Event } from "@parley/gen/event/v1/event_pb.js";
import { insertRows, storableText, type Transaction } from "@parley/store";

/** Inserts the marks of handled events. Returns the number of new ones. */
export function markReceived(transaction: Transaction, events: readonly Event[], nowMs: number): Promise<number> {
  return insertRows(transaction, {
    into: "INSERT INTO inbox_events (source, event_id, receive_time)",
    // In one order, so that two replicas with the same events do not deadlock.
    rows: events
      .map(({ source, id }) => [storableText(source), storableText(id), nowMs])
      .sort(([, a = ""], [, b = ""]) => (a < b ? -1 : 1)),
    ending: "ON CONFLICT (source, event_id) DO NOTHING",
  });
}

/** Whether an event is marked as handled. */
export async function isReceived(transaction: Transaction, { source, id }: Event): Promise<boolean> {
  const sql = "SELECT 1 AS found FROM inbox_events WHERE source = ? AND event_id = ?";
  return (await transaction.get(sql, storableText(source), storableText(id))) !== undefined;
}
