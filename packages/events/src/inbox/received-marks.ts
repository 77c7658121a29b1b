import type { Event } from "@parley/gen/event/v1/event_pb.js";
import type { Transaction } from "@parley/store";

/** Remembers that an event was dealt with. False if it was before. */
export async function markReceived(transaction: Transaction, event: Event, nowMs: number): Promise<boolean> {
  const marked = await transaction.run(
    "INSERT INTO inbox_events (source, event_id, receive_time) VALUES (?, ?, ?) ON CONFLICT (source, event_id) DO NOTHING",
    event.source,
    event.id,
    nowMs,
  );
  return marked === 1;
}
