import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  asConfirmed,
  beginCancel,
  beginRelease,
  confirm,
  etagOf,
  giveUp,
  isSettled,
  type Order,
  type OrderPhase,
  placeOrder,
  type ReservedLine,
  refuse,
  released,
  stateOf,
} from "./order.ts";
import { IllegalTransitionError, MixedCurrenciesError, ReservationMismatchError } from "./order-errors.ts";

const laptop: ReservedLine = {
  productId: "101",
  quantity: 2,
  productName: "Laptop",
  unitPrice: { units: 999n, nanos: 990_000_000, currencyCode: "USD" },
};
const mouse: ReservedLine = {
  productId: "102",
  quantity: 1,
  productName: "Mouse",
  unitPrice: { units: 29n, nanos: 990_000_000, currencyCode: "USD" },
};
const refusal = { reason: "INSUFFICIENT_STOCK", message: "Too few.", metadata: {} };

function pending(): Order {
  const lines = [laptop, mouse].map(({ productId, quantity }) => ({ productId, quantity }));
  return placeOrder({ id: "o1", userId: "1", userName: "Alice", userEmail: "a@b.c", lines, requestId: "r1" }, 1_000);
}

const confirmed = () => confirm(pending(), [mouse, laptop], 2_000);
const orders: Readonly<Record<OrderPhase, () => Order>> = {
  RESERVING: pending,
  RELEASING: () => beginRelease(pending(), "No answer."),
  CONFIRMED: confirmed,
  CANCELLING: () => beginCancel(confirmed(), "Too dear."),
  CANCELLED: () => released(beginCancel(confirmed(), "Too dear."), 3_000),
  REFUSED: () => refuse(pending(), refusal, 2_000),
  REJECTED: () => giveUp(pending(), "No answer.", 2_000),
};

const moves: Readonly<Record<string, (order: Order) => Order>> = {
  confirm: (order) => confirm(order, [laptop, mouse], 9_000),
  refuse: (order) => refuse(order, refusal, 9_000),
  giveUp: (order) => giveUp(order, "No answer.", 9_000),
  beginRelease: (order) => beginRelease(order, "No answer."),
  beginCancel: (order) => beginCancel(order, "Too dear."),
  released: (order) => released(order, 9_000),
};

/** All legal transitions; every other one must throw. */
const legal: Readonly<Record<OrderPhase, Readonly<Record<string, OrderPhase>>>> = {
  RESERVING: { confirm: "CONFIRMED", refuse: "REFUSED", giveUp: "REJECTED", beginRelease: "RELEASING" },
  RELEASING: { giveUp: "REJECTED", released: "REJECTED" },
  CONFIRMED: { beginCancel: "CANCELLING" },
  CANCELLING: { released: "CANCELLED" },
  CANCELLED: {},
  REFUSED: { released: "REJECTED" },
  REJECTED: {},
};

describe("an order", () => {
  for (const [phase, order] of Object.entries(orders)) {
    for (const [name, move] of Object.entries(moves)) {
      const to = legal[phase as OrderPhase][name];
      it(`${phase} ${to === undefined ? "refuses to" : `becomes ${to} by`} ${name}`, () => {
        if (to === undefined) expect(() => move(order())).toThrow(IllegalTransitionError);
        else expect(move(order()).phase).toBe(to);
      });
    }
  }

  it("is confirmed with the names, prices and total of the reservation, in any order of the lines", () => {
    const { items, totalPrice, confirmTimeMs, updateTimeMs } = confirmed();
    expect(items.map(({ productName }) => productName)).toEqual(["Laptop", "Mouse"]);
    expect(items[0]?.totalPrice).toEqual({ units: 1999n, nanos: 980_000_000, currencyCode: "USD" });
    expect(totalPrice).toEqual({ units: 2029n, nanos: 970_000_000, currencyCode: "USD" });
    expect([confirmTimeMs, updateTimeMs]).toEqual([2_000, 2_000]);
  });

  it.each([
    ["lacks a line", [laptop]],
    ["has fewer units", [laptop, { ...mouse, quantity: 0 }]],
    ["has more units", [laptop, { ...mouse, quantity: 2 }]],
    ["is empty", []],
  ])("is not confirmed by a reservation that %s", (_, reserved) => {
    expect(() => confirm(pending(), reserved, 2_000)).toThrow(ReservationMismatchError);
  });

  it("is not confirmed in two currencies", () => {
    const euros = { ...mouse, unitPrice: { ...mouse.unitPrice, currencyCode: "EUR" } };
    expect(() => confirm(pending(), [laptop, euros], 2_000)).toThrow(MixedCurrenciesError);
  });

  it("frees its request id only if the request may be retried", () => {
    expect(orders.REJECTED().requestId).toBeUndefined();
    expect(released(orders.RELEASING(), 3_000).requestId).toBeUndefined();
    expect(released(orders.REFUSED(), 3_000)).toMatchObject({ phase: "REJECTED", requestId: "r1", refusal });
  });

  it("changes its etag exactly when its public state changes", () => {
    for (const order of Object.values(orders)) {
      const before = order();
      for (const move of Object.values(moves)) {
        let after: Order;
        try {
          after = move(before);
        } catch {
          continue;
        }
        expect(etagOf(after) !== etagOf(before)).toBe(stateOf(after.phase) !== stateOf(before.phase));
      }
    }
  });

  it("has times that never decrease, even if the clock is set back", () => {
    expect(confirm(pending(), [laptop, mouse], 500)).toMatchObject({ updateTimeMs: 1_000, confirmTimeMs: 1_000 });
  });

  it("keeps its confirmed form after it was cancelled", () => {
    expect(asConfirmed(orders.CANCELLED())).toEqual(confirmed());
    expect(() => asConfirmed(pending())).toThrow(IllegalTransitionError);
  });

  it("never enters a phase twice, so that each path ends", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...Object.keys(moves)), { maxLength: 30 }), (walk) => {
        let order = pending();
        const seen = new Set([order.phase]);
        for (const name of walk) {
          let next: Order | undefined;
          try {
            next = moves[name]?.(order);
          } catch (error) {
            expect(error).toBeInstanceOf(IllegalTransitionError);
          }
          if (next === undefined) continue;
          expect(seen.has(next.phase)).toBe(false);
          seen.add(next.phase);
          order = next;
        }
        expect(isSettled(order.phase) || Object.keys(legal[order.phase]).length > 0).toBe(true);
      }),
    );
  });
});
