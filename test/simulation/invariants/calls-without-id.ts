import type { Ledger, OrderCall } from "../workload/ledger.ts";
import { startTimeMs } from "../world/simulated-time.ts";
import type { World } from "../world/world.ts";
import type { Books, OrderRow } from "./books.ts";
import { linesText } from "./stock.ts";
import type { Violation } from "./violation.ts";

/**
 * Checks calls without a request id: a call that returned an order has that order, a refused call has none, and a call with an
 * unknown outcome has at most one. Every confirmed order belongs to a call.
 */
export function checkCallsWithoutId(
  { orders }: Books,
  ledger: Ledger,
  { clockErrorMs }: Pick<World, "clockErrorMs">,
): readonly Violation[] {
  const calls = ledger.orders.filter(({ requestId }) => requestId === "");
  const answered = calls.flatMap(({ answer }) => (answer.kind === "confirmed" ? [answer.order.id] : []));
  const unknown = calls.filter(({ answer }) => answer.kind === "unknown");
  const left = orders.filter(({ id, requestId, wasConfirmed, phase }) => {
    // A rejected order has lost its request id.
    return requestId === null && wasConfirmed && phase !== "REJECTED" && !answered.includes(id);
  });
  const unmatched = left.length - matchedCount(left, unknown, (call, order) => mayHaveMade(call, order, clockErrorMs));
  return [
    ...(new Set(answered).size < answered.length ? ["two calls without an id were answered with the same order"] : []),
    ...(unmatched > 0
      ? [
          `${unmatched} of the orders ${left.map(({ id }) => id).join(", ")} were confirmed with no call that may have made them`,
        ]
      : []),
  ].map((message): Violation => ({ invariant: "request-id", message }));
}

/** The size of a maximum matching of orders and calls (augmenting paths). */
function matchedCount(
  orders: readonly OrderRow[],
  calls: readonly OrderCall[],
  fits: (call: OrderCall, order: OrderRow) => boolean,
): number {
  const orderOf = new Map<OrderCall, OrderRow>();
  function give(order: OrderRow, tried: Set<OrderCall>): boolean {
    for (const call of calls) {
      if (tried.has(call) || !fits(call, order)) continue;
      tried.add(call);
      const other = orderOf.get(call);
      if (other === undefined || give(other, tried)) {
        orderOf.set(call, order);
        return true;
      }
    }
    return false;
  }
  return orders.filter((order) => give(order, new Set())).length;
}

/** The same buyer and lines, and created after the call began. There is no upper bound: a message may be delivered late. */
function mayHaveMade(
  { userId, guestEmail, wanted, startMs }: OrderCall,
  order: OrderRow,
  clockErrorMs: number,
): boolean {
  const lines = Object.entries(wanted).map(([productId, quantity]) => ({ productId, quantity }));
  return (
    order.userId === userId &&
    (userId !== "" || order.userEmail === guestEmail) &&
    linesText(order.items) === linesText(lines) &&
    order.createTimeMs - startTimeMs >= Math.floor(startMs) - clockErrorMs
  );
}
