import { randomUUID } from "node:crypto";
import { attempt } from "./attempt.ts";
import { wasConfirmed } from "./invariants-of-orders.ts";
import type { SerialProducts } from "./ledger.ts";
import { type Observation, observe, type PlatformClients } from "./observation.ts";
import { pause } from "./random.ts";
import type { Watchers } from "./watchers.ts";

/** It takes a second on an idle machine, and far longer on a busy one. */
const firstLookMaxMs = 60_000;

export interface FirstLookOptions extends Pick<SerialProducts, "low"> {
  /** The buyer of the first orders. Default: a sample user. */
  readonly userId?: string;
}

/** Places a few orders so that each watcher has a position, and observes the state once these orders have settled. */
export async function firstLook(
  platform: PlatformClients,
  watchers: Watchers,
  { low, userId = "1" }: FirstLookOptions,
): Promise<Observation> {
  const giveUpMs = performance.now() + firstLookMaxMs;
  const checkTime = () => {
    if (performance.now() > giveUpMs)
      throw new Error(`the Watch methods did not report an order within ${firstLookMaxMs} ms`);
  };
  let orders = 0;
  while (!watchers.hasPositions()) {
    checkTime();
    await placeOrder(platform, { productId: low, userId, checkTime });
    orders++;
    await pause(100);
  }
  let seen = await observeLater(platform, checkTime);
  while (
    watchers.watched.notificationChanges.length === 0 ||
    seen.notifications.length < orders ||
    hasUnnotified(seen) ||
    isBehind(watchers, seen)
  ) {
    checkTime();
    await pause(50);
    seen = await observeLater(platform, checkTime);
  }
  watchers.forget();
  return seen;
}

/** Retries: no fault is injected yet, but a machine that has just started everything may be too busy to respond in time. */
async function placeOrder(
  { orders }: PlatformClients,
  options: { readonly productId: string; readonly userId: string; readonly checkTime: () => void },
): Promise<void> {
  const { productId, userId, checkTime } = options;
  const request = { requestId: randomUUID(), userId, items: [{ productId, quantity: 1 }] };
  let outcome = await attempt(orders.createOrder(request));
  while (outcome.kind === "unclear") {
    checkTime();
    await pause(100);
    outcome = await attempt(orders.createOrder(request));
  }
  if (outcome.kind !== "answered") {
    throw new Error(`the first order failed: ${outcome.kind === "refused" ? outcome.reason : outcome.error}`);
  }
}

/** Observes again while calls run into their deadlines. */
async function observeLater(platform: PlatformClients, checkTime: () => void): Promise<Observation> {
  for (;;) {
    const outcome = await attempt(observe(platform));
    if (outcome.kind === "answered") return outcome.answer;
    if (outcome.kind !== "unclear") {
      throw new Error(`the state cannot be read: ${outcome.kind === "refused" ? outcome.reason : outcome.error}`);
    }
    checkTime();
    await pause(100);
  }
}

/** Whether the notification of an order is still missing: it would count as one of the run. */
function hasUnnotified({ orders, notifications }: Observation): boolean {
  const notified = new Set(notifications.map(({ orderId }) => orderId));
  return orders.some((order) => wasConfirmed(order) && !notified.has(order.id));
}

/** Whether a watcher has not yet received the last change. */
function isBehind({ watched }: Watchers, { orders, notifications, products }: Observation): boolean {
  const last = watched.stockChanges.at(-1);
  return (
    watched.orderChanges.at(-1)?.orderId !== orders[0]?.id ||
    watched.notificationChanges.at(-1)?.notificationId !== notifications[0]?.id ||
    products.find(({ id }) => id === last?.productId)?.stock !== last?.stock
  );
}
