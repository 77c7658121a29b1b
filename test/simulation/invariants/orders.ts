import type { Event } from "@parley/gen/event/v1/event_pb.js";
import type { Order } from "@parley/gen/order/v1/order_pb.js";
import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import { type Ledger, type OrderCall, type OrderRead, startOf } from "../workload/ledger.ts";
import { buyers } from "../world/services.ts";
import type { World } from "../world/world.ts";
import type { Books, OrderRow } from "./books.ts";
import { checkCallsWithoutId } from "./calls-without-id.ts";
import { linesText } from "./stock.ts";
import type { Violation } from "./violation.ts";

/** Orders match the responses that their buyers got, and each request has one order. */
export function checkOrders(books: Books, ledger: Ledger, world: Pick<World, "clockErrorMs">): readonly Violation[] {
  const rows = new Map(books.orders.map((row) => [row.id, row]));
  return [
    ...ledger.orders.flatMap((call) => checkCall(call, { rows, ledger, orderEvents: books.orderEvents })),
    ...ledger.reads.flatMap((read) => checkRead(read, ledger)),
    ...ledger.cancellations
      .filter(({ orderId, isAnswered }) => isAnswered && rows.get(orderId)?.phase !== "CANCELLED")
      .map(
        ({ orderId }): Violation => ({
          invariant: "acknowledged",
          message: `order ${orderId}: its cancellation was acknowledged, but it is not cancelled`,
        }),
      ),
    ...checkRequests(books, ledger),
    ...checkCallsWithoutId(books, ledger, world),
    ...books.orders.flatMap((row) => checkEvents(row, books.orderEvents)),
  ];
}

interface Found {
  readonly rows: ReadonlyMap<string, OrderRow>;
  readonly ledger: Ledger;
  readonly orderEvents: readonly Event[];
}

/** The response to a buyer matches the stored order, its events, and the prices. */
function checkCall(call: OrderCall, { rows, ledger, orderEvents }: Found): Violation[] {
  if (call.answer.kind !== "confirmed") return [];
  const { order } = call.answer;
  const violations: Violation[] = [];
  const violated = (message: string) =>
    violations.push({ invariant: "acknowledged", message: `order ${order.id}: ${message}` });
  const row = rows.get(order.id);
  if (row === undefined) {
    violated("acknowledged, but does not exist");
    return violations;
  }
  const isCancelled = ledger.cancellations.some(({ orderId }) => orderId === order.id);
  if (row.phase !== "CONFIRMED" && !(row.phase === "CANCELLED" && isCancelled))
    violated(`acknowledged, but is ${row.phase}`);
  const wanted = Object.entries(call.wanted).map(([productId, quantity]) => ({ productId, quantity }));
  if (linesText(order.items) !== linesText(wanted))
    violated(`is ${linesText(order.items)} instead of ${linesText(wanted)}`);
  if (linesText(order.items) !== linesText(row.items)) violated(`is stored as ${linesText(row.items)}`);
  const guest = { id: "", name: "", email: call.guestEmail ?? "" };
  const buyer = call.userId === "" ? guest : buyers.find(({ id }) => id === call.userId);
  if (order.userId !== buyer?.id || order.userName !== buyer.name || order.userEmail !== buyer.email) {
    violated("has another buyer");
  }
  if (!addsUp(order)) violated("its total is not the sum of its lines");
  for (const item of order.items) {
    if (!wasPrice(item, call, ledger)) {
      violated(`${item.productName} at ${item.unitPrice?.units} was no price of ${item.productId} at that time`);
    }
  }
  const event = orderEvents.find(({ subject, payload }) => subject === order.id && payload.case === "orderConfirmed");
  const same = event?.payload.case === "orderConfirmed" && priceText(event.payload.value) === priceText(order);
  if (!same) violated("its OrderConfirmed event differs from the response to its buyer");
  return violations;
}

/** An acknowledged order never changes, except its state. */
function checkRead({ order, startMs }: OrderRead, ledger: Ledger): Violation[] {
  if (ledger.ordersInDoubt.has(order.id)) return [];
  const first = ledger.orders.flatMap(({ answer }) =>
    answer.kind === "confirmed" && answer.order.id === order.id ? [answer.order] : [],
  )[0];
  const isToBeCancelled = ledger.cancellations.some(
    ({ orderId, isAnswered, endMs }) => orderId === order.id && isAnswered && endMs < startMs,
  );
  const isFine =
    first !== undefined &&
    priceText(first) === priceText(order) &&
    ((order.state === OrderState.CONFIRMED && !isToBeCancelled) || order.state === OrderState.CANCELLED);
  return isFine
    ? []
    : [{ invariant: "acknowledged", message: `order ${order.id} was read in another state than was acknowledged` }];
}

/** A request id of a buyer has at most one outcome and one order. */
function checkRequests(books: Books, ledger: Ledger): Violation[] {
  const violations: Violation[] = [];
  const violated = (message: string) => violations.push({ invariant: "request-id", message });
  const answers = new Map<string, Set<string>>();
  for (const { userId, requestId, answer, isInDoubt, wanted } of ledger.orders) {
    if (requestId === "") continue;
    const key = `${userId} ${requestId}`;
    const given = answers.get(key) ?? new Set();
    answers.set(key, given);
    if (answer.kind === "confirmed") given.add(`order ${priceText(answer.order)} ${answer.order.id}`);
    else if (answer.kind === "refused" && finalRefusals.has(answer.reason)) {
      given.add(`refusal ${answer.reason} ${JSON.stringify(answer.metadata)} ${JSON.stringify(wanted)}`);
    } else if (answer.kind === "unknown" && isInDoubt !== true) {
      violations.push({ invariant: "unfinished", message: `request ${requestId} was never answered` });
    }
  }
  for (const [key, given] of answers) {
    if (given.size > 1) violated(`request ${key} has several answers: ${[...given].join("; ")}`);
  }
  const confirmed = books.orders.filter(({ requestId, wasConfirmed }) => requestId !== null && wasConfirmed);
  const keys = confirmed.map(({ userId, requestId }) => `${userId} ${requestId}`);
  if (new Set(keys).size < keys.length) violated("a request id has two orders");
  for (const { id, requestId } of confirmed) {
    if (!ledger.orders.some((call) => call.requestId === requestId)) violated(`order ${id} has no request`);
  }
  return violations;
}

/** Refusals that are final for a request. An unknown product, for example, may exist on the next try. */
const finalRefusals: ReadonlySet<string> = new Set(["INSUFFICIENT_STOCK", "MIXED_CURRENCIES", "AMOUNT_OUT_OF_RANGE"]);

function checkEvents({ id, phase }: OrderRow, orderEvents: readonly Event[]): Violation[] {
  const types = orderEvents.filter(({ subject }) => subject === id).map(({ payload }) => payload.case);
  const expected = {
    CONFIRMED: "orderConfirmed",
    CANCELLED: "orderConfirmed,orderCancelled",
    REJECTED: "orderRejected",
  }[phase];
  const isFine = expected === undefined || types.join() === expected;
  return isFine
    ? []
    : [{ invariant: "events", message: `order ${id} is ${phase}, but its events are: ${types.join()}` }];
}

/** Whether a product had this name and price at some moment of the call. */
function wasPrice(
  { productId, productName, unitPrice }: Order["items"][number],
  call: OrderCall,
  ledger: Ledger,
): boolean {
  const prices = ledger.prices.filter((price) => price.productId === productId);
  return prices.some(({ name, units, currencyCode, startMs }, index) => {
    const next = prices[index + 1];
    const isSame = name === productName && units === unitPrice?.units && currencyCode === unitPrice.currencyCode;
    // A failover may have undone an acknowledged change.
    if (ledger.hasLostTail && isSame) return true;
    // During a change both values are valid.
    return isSame && startMs <= call.endMs && (next === undefined || next.endMs >= startOf(call, ledger));
  });
}

function addsUp({ items, totalPrice }: Order): boolean {
  const nanos = items.reduce((total, { unitPrice, quantity }) => total + inNanos(unitPrice) * BigInt(quantity), 0n);
  return inNanos(totalPrice) === nanos;
}

function inNanos(money: Amount | undefined): bigint {
  return (money?.units ?? 0n) * 1_000_000_000n + BigInt(money?.nanos ?? 0);
}

/** Names and prices in a canonical form. */
function priceText({ items, totalPrice, userName, userEmail }: Priced): string {
  const lines = items.map(
    ({ productId, productName, quantity, unitPrice }) =>
      `${quantity} × ${productId} ${productName} ${unitPrice?.units}.${unitPrice?.nanos} ${unitPrice?.currencyCode}`,
  );
  return [userName, userEmail, ...lines, `${totalPrice?.units}.${totalPrice?.nanos} ${totalPrice?.currencyCode}`].join(
    "|",
  );
}

interface Priced {
  readonly userName: string;
  readonly userEmail: string;
  readonly items: readonly {
    readonly productId: string;
    readonly productName: string;
    readonly quantity: number;
    readonly unitPrice?: Amount | undefined;
  }[];
  readonly totalPrice?: Amount | undefined;
}

interface Amount {
  readonly units: bigint;
  readonly nanos: number;
  readonly currencyCode: string;
}
