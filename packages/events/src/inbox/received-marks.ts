import type { Event } from "@parley/gen/event/v1/event_pb.js";
import { insertRows, type Transaction } from "@parley/store";

/** Remembers that events were dealt with. The number of those that were not before. */
export function markReceived(transaction: Transaction, events: readonly Event[], nowMs: number): Promise<number> {
  return insertRows(transaction, {
    into: "INSERT INTO inbox_events (source, event_id, receive_time)",
    // In one order, so that no two replicas that are given the same events wait for each other.
    rows: events.map(({ source, id }) => [source, id, nowMs]).sort(([, a = ""], [, b = ""]) => (a < b ? -1 : 1)),
    ending: "ON CONFLICT (source, event_id) DO NOTHING",
  });
}
