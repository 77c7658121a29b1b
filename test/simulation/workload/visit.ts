import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import type { World } from "../world/world.ts";
import type { Ledger, Wanted } from "./ledger.ts";
import { createPerson } from "./person.ts";
import { recordFirstPrices } from "./products.ts";
import { untilAnswered } from "./until-answered.ts";

/**
 * A short visit that covers each case once: an order that is confirmed, repeated and cancelled; one that lowers a stock below
 * the alert threshold; one that is refused; a restock; and two concurrent orders of which only one can be confirmed.
 */
export async function visit(world: World, ledger: Ledger): Promise<void> {
  const person = createPerson(world, "visitor");
  recordFirstPrices(ledger);

  async function order(wanted: Wanted, { userId = "1", requestId = person.newId() } = {}): Promise<string> {
    const items = Object.entries(wanted).map(([productId, quantity]) => ({ productId, quantity }));
    const startMs = world.time.monotonic();
    const call: Ledger["orders"][number] = {
      userId,
      requestId,
      wanted,
      startMs,
      endMs: 0,
      answer: { kind: "unknown" },
    };
    ledger.orders.push(call);
    const create = () => person.orders.createOrder({ userId, requestId, items });
    const outcome = await untilAnswered(create, {
      world,
      ledger,
      what: `order ${JSON.stringify(wanted)}`,
      repeats: true,
    });
    call.endMs = world.time.monotonic();
    if (outcome.kind === "refusal") call.answer = { ...outcome, kind: "refused" };
    const placed = outcome.kind === "answer" ? outcome.answer.order : undefined;
    if (placed !== undefined) call.answer = { kind: "confirmed", order: placed };
    return placed?.id ?? "";
  }

  async function cancel(orderId: string): Promise<void> {
    const cancellation = { orderId, isAnswered: false, endMs: 0 };
    ledger.cancellations.push(cancellation);
    const call = () => person.orders.cancelOrder({ orderId });
    const outcome = await untilAnswered(call, { world, ledger, what: `cancel ${orderId}`, repeats: true });
    cancellation.isAnswered = outcome.kind === "answer" && outcome.answer.order?.state === OrderState.CANCELLED;
    if (!cancellation.isAnswered) ledger.strange.push(`order ${orderId} could not be cancelled`);
  }

  async function restock(productId: string, delta: number): Promise<void> {
    const restock: Ledger["restocks"][number] = {
      productId,
      delta,
      startMs: world.time.monotonic(),
      isDone: undefined,
    };
    ledger.restocks.push(restock);
    const request = { productId, change: { case: "delta", value: delta }, requestId: person.newId() } as const;
    const call = () => person.inventory.updateStock(request);
    const outcome = await untilAnswered(call, { world, ledger, what: `restock ${productId}`, repeats: true });
    restock.isDone = outcome.kind === "answer";
  }

  const requestId = person.newId();
  const id = await order({ "101": 2, "102": 1 }, { requestId });
  await order({ "101": 2, "102": 1 }, { requestId });
  await cancel(id);
  await order({ "101": 45 });
  await order({ "101": 45, "103": 1 });
  await restock("101", 20);
  await Promise.all(["1", "2"].map((userId) => order({ "104": 50 }, { userId })));
}
