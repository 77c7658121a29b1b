// Proves the checks: each test plants one violation.
import { describe, expect, it } from "vitest";
import type { Evidence } from "./evidence.ts";
import { findViolations } from "./invariants.ts";
import { type Ledger, type OrderRequest, serialLines, serialNumber } from "./ledger.ts";
import type { Observation, SeenNotification, SeenOrder, Watched } from "./observation.ts";

const serialProducts = { low: "low", high: "high" };
const firstStock = 1_000;

/** Mutable evidence. */
type Open<T> = T extends readonly (infer E)[]
  ? Open<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Open<T[K]> }
    : T;

/** Three orders, one of them cancelled, and one refused request; a restock; a stock that fell to its threshold twice. */
function soundEvidence(): Open<Evidence> {
  const requests = [0, 1, 2, 3].map(request);
  const [first, second, third, refused] = requests as [OrderRequest, OrderRequest, OrderRequest, OrderRequest];
  third.cancel = "acknowledged";
  refused.answers.length = 0;
  refused.refusal = "INSUFFICIENT_STOCK";
  const before: Observation = {
    products: [
      { id: "101", stock: 20, lowStockThreshold: 10 },
      { id: "low", stock: firstStock, lowStockThreshold: 0 },
      { id: "high", stock: firstStock, lowStockThreshold: 0 },
    ],
    orders: [order(request(77), "o-before", "CONFIRMED")],
    notifications: [notification("n-before", "ORDER_CONFIRMED", "o-before")],
  };
  const ledger: Ledger = {
    requests,
    restocks: [{ productId: "101", delta: 11, requestId: "r", acknowledged: true }],
    unexpected: [],
  };
  const after: Observation = {
    products: [
      { id: "101", stock: 20 + 11 - 20, lowStockThreshold: 10 },
      { id: "low", stock: firstStock - 1 - 2, lowStockThreshold: 0 },
      { id: "high", stock: firstStock - 2, lowStockThreshold: 0 },
    ],
    orders: [
      order(refused, "o3", "REJECTED"),
      order(third, "o2", "CANCELLED"),
      order(second, "o1", "CONFIRMED"),
      order(first, "o0", "CONFIRMED"),
      ...before.orders,
    ],
    notifications: [
      notification("n4", "ORDER_CANCELLED", "o2"),
      notification("n3", "ORDER_CONFIRMED", "o2"),
      notification("n2", "ORDER_CONFIRMED", "o1"),
      notification("n1", "STOCK_LOW", "", "101"),
      notification("n0", "ORDER_CONFIRMED", "o0"),
      notification("n5", "STOCK_LOW", "", "101"),
      ...before.notifications,
    ],
  };
  const steps: readonly (readonly [string, number])[] = [
    ["101", -10],
    ["low", -1],
    ["high", -1],
    ["101", 11],
    ["101", -10],
    ["low", -2],
    ["high", -1],
    ["101", -10],
    ["101", 10],
  ];
  const stocks = new Map(before.products.map(({ id, stock }) => [id, stock]));
  const watched: Watched = {
    stockChanges: steps.map(([productId, delta], index) => {
      const stock = (stocks.get(productId) ?? 0) + delta;
      stocks.set(productId, stock);
      return { position: `s${index}`, productId, stock, delta };
    }),
    orderChanges: [
      { position: "p0", orderId: "o0", state: "CONFIRMED" },
      { position: "p1", orderId: "o1", state: "CONFIRMED" },
      { position: "p2", orderId: "o2", state: "CONFIRMED" },
      { position: "p3", orderId: "o3", state: "REJECTED" },
      { position: "p4", orderId: "o2", state: "CANCELLED" },
    ],
    notificationChanges: ["n0", "n1", "n2", "n3", "n4", "n5"].map((id) => ({
      position: `p-${id}`,
      notificationId: id,
    })),
  };
  // structuredClone would preserve shared references, but each test must change one place only.
  return JSON.parse(
    JSON.stringify({ endedAlone: [], ledger, before, after, watched, serialProducts }),
  ) as Open<Evidence>;
}

function request(number: number): OrderRequest {
  const lines = [{ productId: "101", quantity: 10 }, ...serialLines(number, serialProducts)];
  const answer = { id: `o${number}`, userId: "1", lines, total: "1.000000000 USD" };
  return { number, userId: "1", lines, requestId: `id-${number}`, failedTries: 0, answers: [answer], cancel: "no" };
}

function order({ lines }: OrderRequest, id: string, state: SeenOrder["state"]): SeenOrder {
  return { id, userId: "1", lines, total: state === "REJECTED" ? "" : "1.000000000 USD", state };
}

function notification(id: string, kind: SeenNotification["kind"], orderId: string, productId = ""): SeenNotification {
  return { id, kind, state: "SENT", orderId, productId };
}

/** Removes the first match. */
function remove<T>(all: T[], isMeant: (each: T) => boolean): T {
  const [removed] = all.splice(all.findIndex(isMeant), 1);
  if (removed === undefined) throw new Error("no element matches");
  return removed;
}

function only<T>(all: readonly T[], isMeant: (each: T) => boolean): T {
  const found = all.find(isMeant);
  if (found === undefined) throw new Error("no element matches");
  return found;
}

const isOrder = (id: string) => (each: { id: string }) => each.id === id;
const about = (kind: string, orderId: string) => (each: { kind: string; orderId: string }) =>
  each.kind === kind && each.orderId === orderId;

it("finds nothing in correct evidence", () => {
  expect(findViolations(soundEvidence() as Evidence)).toEqual([]);
});

describe("finds", () => {
  it.each<[string, string, RegExp, (evidence: Open<Evidence>) => void]>([
    [
      "a lost order",
      "every acknowledged order exists as acknowledged",
      /o1, which does not exist/,
      ({ after }) => remove(after.orders, isOrder("o1")),
    ],
    [
      "an order with another quantity than was acknowledged",
      "every acknowledged order exists as acknowledged",
      /9 of 101.* instead of 10 of 101/,
      ({ after }) => {
        only(only(after.orders, isOrder("o1")).lines, ({ productId }) => productId === "101").quantity = 9;
      },
    ],
    [
      "an order at another price than was acknowledged",
      "every acknowledged order exists as acknowledged",
      /at 1\.0+ USD, and costs 2 USD/,
      ({ after }) => {
        only(after.orders, isOrder("o1")).total = "2 USD";
      },
    ],
    [
      "an order that is cancelled without a request",
      "every acknowledged order exists as acknowledged",
      /o1, and is CANCELLED/,
      ({ after }) => {
        only(after.orders, isOrder("o1")).state = "CANCELLED";
      },
    ],
    [
      "a cancellation that was acknowledged and is gone",
      "every acknowledged order exists as acknowledged",
      /o2, and is CONFIRMED/,
      ({ after }) => {
        only(after.orders, isOrder("o2")).state = "CONFIRMED";
      },
    ],
    [
      "an acknowledged order that was rejected",
      "every acknowledged order exists as acknowledged",
      /o0, and is REJECTED/,
      ({ after }) => {
        only(after.orders, isOrder("o0")).state = "REJECTED";
      },
    ],
    [
      "a doubled order",
      "one request has one order",
      /request 1 .* has the orders o1-again, o1/,
      ({ after }) => after.orders.unshift({ ...only(after.orders, isOrder("o1")), id: "o1-again" }),
    ],
    [
      "a request that was answered with two orders",
      "one request has one order",
      /request 1 .* has the orders o1, o7/,
      ({ ledger }) => {
        const { answers } = only(ledger.requests, ({ number }) => number === 1);
        answers.push({ ...only(answers, () => true), id: "o7" });
      },
    ],
    [
      "a refused request whose order stands",
      "one request has one order",
      /request 3 .* refused .* has the order o3/,
      ({ after }) => {
        only(after.orders, isOrder("o3")).state = "CONFIRMED";
      },
    ],
    [
      "a request that was never answered",
      "one request has one order",
      /request 3 .* never answered/,
      ({ ledger }) => {
        delete only(ledger.requests, ({ number }) => number === 3).refusal;
      },
    ],
    [
      "an order without a request",
      "one request has one order",
      /o9 .* has no request/,
      ({ after }) => after.orders.unshift(structuredClone(order(request(9), "o9", "CONFIRMED")) as Open<SeenOrder>),
    ],
    [
      "an order that is left pending",
      "no order is left pending",
      /o1 is PENDING/,
      ({ after }) => {
        only(after.orders, isOrder("o1")).state = "PENDING";
      },
    ],
    [
      "a unit too many in stock",
      "stock = initial stock + restocks - sold units",
      /product 101 has 12, .* are 11/,
      ({ after }) => {
        only(after.products, isOrder("101")).stock++;
      },
    ],
    [
      "a unit too few in stock",
      "stock = initial stock + restocks - sold units",
      /product 101 has 10, .* are 11/,
      ({ after }) => {
        only(after.products, isOrder("101")).stock--;
      },
    ],
    [
      "a restock that was acknowledged and counted twice",
      "stock = initial stock + restocks - sold units",
      /product 101 has 22/,
      ({ after }) => {
        only(after.products, isOrder("101")).stock += 11;
      },
    ],
    [
      "a missing confirmation",
      "one notification for each confirmation and each cancellation",
      /o1 \(CONFIRMED\) has 0 notifications ORDER_CONFIRMED/,
      ({ after }) => remove(after.notifications, about("ORDER_CONFIRMED", "o1")),
    ],
    [
      "a doubled confirmation",
      "one notification for each confirmation and each cancellation",
      /o1 \(CONFIRMED\) has 2 notifications ORDER_CONFIRMED/,
      ({ after }) => {
        const one = only(after.notifications, about("ORDER_CONFIRMED", "o1"));
        after.notifications.push({ ...one, id: "n9" });
      },
    ],
    [
      "a missing cancellation",
      "one notification for each confirmation and each cancellation",
      /o2 \(CANCELLED\) has 0 notifications ORDER_CANCELLED/,
      ({ after }) => remove(after.notifications, about("ORDER_CANCELLED", "o2")),
    ],
    [
      "a confirmation of an order that was rejected",
      "one notification for each confirmation and each cancellation",
      /o3 \(REJECTED\) has 1 notifications ORDER_CONFIRMED, and should have none/,
      ({ after }) => after.notifications.push(notification("n9", "ORDER_CONFIRMED", "o3")),
    ],
    [
      "a notification that was not sent",
      "one notification for each confirmation and each cancellation",
      /n0 \(ORDER_CONFIRMED\) is PENDING/,
      ({ after }) => {
        only(after.notifications, isOrder("n0")).state = "PENDING";
      },
    ],
    [
      "a missing alert",
      "one alert for each time that stock fell to its threshold",
      /101 fell to 10 2 times, but there are 1 alerts/,
      ({ after }) => remove(after.notifications, ({ kind }) => kind === "STOCK_LOW"),
    ],
    [
      "a doubled alert",
      "one alert for each time that stock fell to its threshold",
      /101 fell to 10 2 times, but there are 3 alerts/,
      ({ after }) => after.notifications.push(notification("n9", "STOCK_LOW", "", "101")),
    ],
    [
      "a gap in WatchStock",
      "WatchStock has no gap and no repeat",
      /product 101 changed from 10 by -10 to 11/,
      ({ watched }) => remove(watched.stockChanges, ({ delta }) => delta === 11),
    ],
    [
      "a repeat in WatchStock",
      "WatchStock has no gap and no repeat",
      /position s1 came twice/,
      ({ watched }) =>
        watched.stockChanges.splice(2, 0, { ...only(watched.stockChanges, (each) => each.position === "s1") }),
    ],
    [
      "the end missing in WatchStock",
      "WatchStock has no gap and no repeat",
      /product 101 has 11, but the last level in WatchStock is 1/,
      ({ watched }) => watched.stockChanges.pop(),
    ],
    [
      "a gap in WatchOrders",
      "WatchOrders has no gap and no repeat",
      /order o2: WatchOrders reported "CANCELLED" instead of "CONFIRMED, CANCELLED"/,
      ({ watched }) => remove(watched.orderChanges, (each) => each.position === "p2"),
    ],
    [
      "a repeat in WatchOrders",
      "WatchOrders has no gap and no repeat",
      /order o0: WatchOrders reported "CONFIRMED, CONFIRMED"/,
      ({ watched }) => watched.orderChanges.push({ position: "p9", orderId: "o0", state: "CONFIRMED" }),
    ],
    [
      "a gap in WatchNotifications",
      "WatchNotifications has no gap and no repeat",
      /WatchNotifications did not report n3/,
      ({ watched }) => remove(watched.notificationChanges, ({ notificationId }) => notificationId === "n3"),
    ],
    [
      "a repeat in WatchNotifications",
      "WatchNotifications has no gap and no repeat",
      /WatchNotifications reported n3 twice/,
      ({ watched }) => watched.notificationChanges.push({ position: "p9", notificationId: "n3" }),
    ],
    [
      "a program that ended by itself",
      "no program ends by itself",
      /order ended/,
      ({ endedAlone }) => endedAlone.push("order ended by itself"),
    ],
    [
      "an answer that no fault explains",
      "the injected faults explain every error",
      /Internal/,
      ({ ledger }) => ledger.unexpected.push("CreateOrder: Internal"),
    ],
  ])("%s", (_what, invariant, evidence, plant) => {
    const spoiled = soundEvidence();
    plant(spoiled);
    const found = findViolations(spoiled as Evidence).filter((violation) => violation.invariant === invariant);
    expect(found.map((violation) => violation.evidence).join("\n")).toMatch(evidence);
  });
});

it.each([0, 1, 9_999, 10_000, 123_456])("reads the number %i from the lines of an order", (number) => {
  expect(serialNumber(serialLines(number, serialProducts), serialProducts)).toBe(number);
});
