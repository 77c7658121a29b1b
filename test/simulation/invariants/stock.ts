import type { Event } from "@parley/gen/event/v1/event_pb.js";
import type { Ledger } from "../workload/ledger.ts";
import { firstProducts } from "../workload/products.ts";
import type { Books, OrderLine } from "./books.ts";
import type { Violation } from "./violation.ts";

/** All stock is accounted for: available, or reserved for confirmed orders. */
export function checkStock(books: Books, ledger: Ledger): readonly Violation[] {
  return [...checkBalance(books, ledger), ...checkLevels(books), ...checkReservations(books)];
}

function checkBalance(books: Books, ledger: Ledger): Violation[] {
  const violations: Violation[] = [];
  for (const { productId, stock: first } of firstProducts) {
    const done = ledger.restocks.filter((restock) => restock.productId === productId && restock.isDone);
    const restocked = sum(done.filter(({ isInDoubt }) => !isInDoubt).map(({ delta }) => delta));
    const inDoubt = done.filter(({ isInDoubt }) => isInDoubt).map(({ delta }) => delta);
    const available = books.products.find(({ id }) => id === productId)?.stock ?? Number.NaN;
    const standing = books.reservations.filter(({ state }) => state === "reserved").flatMap(({ items }) => items);
    const reservedUnits = unitsOf(productId, standing);
    if (!sumsOf(inDoubt).includes(available + reservedUnits - first - restocked)) {
      const message = `product ${productId}: ${available} available and ${reservedUnits} reserved, but ${first} at first and ${restocked} restocked`;
      violations.push({ invariant: "stock-balance", message });
    }
  }
  return violations;
}

/** The sums of every subset: of the changes that a failover may have lost, any of them may have survived. */
function sumsOf(numbers: readonly number[]): readonly number[] {
  return numbers.reduce<readonly number[]>((sums, number) => sums.concat(sums.map((one) => one + number)), [0]);
}

/** No committed level is negative, and the last reported level is the current one. */
function checkLevels(books: Books): Violation[] {
  const violations: Violation[] = [];
  for (const { id, stock } of books.products) {
    const levels = stockLevels(books.productEvents, id);
    for (const level of [...levels, stock]) {
      if (level < 0) violations.push({ invariant: "stock-negative", message: `product ${id}: ${level} available` });
    }
    const last = levels.at(-1);
    if (last !== undefined && last !== stock) {
      const message = `product ${id}: ${stock} available, but the last StockChanged event says ${last}`;
      violations.push({ invariant: "stock-balance", message });
    }
  }
  return violations;
}

function checkReservations(books: Books): Violation[] {
  const violations: Violation[] = [];
  const violated = (message: string) => violations.push({ invariant: "reservation", message });
  const standing = new Map(
    books.reservations.filter(({ state }) => state === "reserved").map(({ orderId, items }) => [orderId, items]),
  );
  for (const { id, phase, items } of books.orders) {
    const reserved = standing.get(id);
    standing.delete(id);
    if (phase === "CONFIRMED" && reserved === undefined) violated(`order ${id} is confirmed without reserved stock`);
    if (phase !== "CONFIRMED" && reserved !== undefined) violated(`order ${id} is ${phase}, but has reserved stock`);
    if (reserved !== undefined && linesText(reserved) !== linesText(items)) {
      violated(`order ${id} is for ${linesText(items)}, but has ${linesText(reserved)} reserved`);
    }
  }
  for (const id of standing.keys()) violated(`stock is reserved for order ${id}, which does not exist`);
  return violations;
}

/** The stock of a product after each of its changes, in order. */
export function stockLevels(productEvents: readonly Event[], productId: string): readonly number[] {
  return productEvents.flatMap(({ payload }) =>
    payload.case === "stockChanged" && payload.value.productId === productId ? [payload.value.stock] : [],
  );
}

function unitsOf(productId: string, lines: readonly OrderLine[]): number {
  return sum(lines.filter((line) => line.productId === productId).map(({ quantity }) => quantity));
}

/** Order lines in a canonical form. */
export function linesText(lines: readonly OrderLine[]): string {
  return lines
    .map(({ productId, quantity }) => `${quantity} × ${productId}`)
    .toSorted()
    .join(", ");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
