import type { CallContext, Clock } from "@parley/rpc";
import type { Database, Transaction } from "@parley/store";
import { productNotFound } from "../product-errors.ts";
import type { ProductEvents } from "../product-events.ts";
import { findProducts, giveBackStock, type MovedStock, moveStock } from "../product-store.ts";
import {
  type Availability,
  inLockOrder,
  type Reservation,
  type ReservedItem,
  refusal,
  repeatReservation,
  type StockLine,
  sumLines,
} from "./reservation.ts";
import { findReservation, insertReservation, markReleased } from "./reservation-store.ts";

/** Which order, and the call that asks. */
export interface OrderCall {
  readonly orderId: string;
  readonly cause?: CallContext | undefined;
}

/** What one product has, against what was asked of it. */
export interface StockLevel extends StockLine {
  readonly available: number;
}

/** What there is of each product, and for which order it is set aside. */
export interface Inventory {
  /** What there is now. Throws PRODUCT_NOT_FOUND. */
  check(lines: readonly StockLine[]): Promise<readonly StockLevel[]>;
  /**
   * Sets stock aside for an order, all lines or none; again, answers the same. Throws PRODUCT_NOT_FOUND,
   * INSUFFICIENT_STOCK, ORDER_RELEASED, RESERVATION_DIFFERS.
   */
  reserve(order: OrderCall & { readonly lines: readonly StockLine[] }): Promise<Reservation>;
  /** Gives an order's stock back, once, and refuses it any from now on. */
  release(order: OrderCall): Promise<Reservation>;
}

export interface InventoryOptions {
  readonly database: Database;
  readonly events: ProductEvents;
  readonly clock: Clock;
}

export function createInventory({ database, events, clock }: InventoryOptions): Inventory {
  return {
    async check(requested) {
      const lines = sumLines(requested);
      const products = await findProducts(database, productIds(lines));
      const levels = lines.map((line) => ({ ...line, available: products.get(line.productId)?.stock }));
      const missing = levels.filter((level) => level.available === undefined);
      if (missing.length > 0) {
        throw productNotFound(productIds(missing));
      }
      return levels.map((level) => ({ ...level, available: level.available ?? 0 }));
    },

    reserve({ orderId, lines: requested, cause }) {
      const lines = sumLines(requested);
      return database.transaction(async (transaction) => {
        const standing = await findReservation(transaction, orderId);
        if (standing !== undefined) {
          // Answered through the transaction's end: what it repeats may not be durable before.
          return repeatReservation(standing, lines);
        }
        const nowMs = clock.now();
        const taken = await takeAll(transaction, lines, nowMs);
        const items = lines.map((line) => reservedItem(line, taken));
        const reservation: Reservation = { orderId, state: "reserved", items, createTimeMs: nowMs };
        await insertReservation(transaction, reservation);
        events.stockChanged(transaction, [...taken.values()], cause);
        return reservation;
      });
    },

    release({ orderId, cause }) {
      return database.transaction(async (transaction) => {
        const nowMs = clock.now();
        const standing = await findReservation(transaction, orderId);
        if (standing === undefined) {
          const tombstone: Reservation = { orderId, state: "released", items: [], createTimeMs: nowMs };
          await insertReservation(transaction, tombstone);
          return tombstone;
        }
        if (standing.state === "released") {
          return standing;
        }
        for (const { productId, quantity } of inLockOrder(standing.items)) {
          const change = await giveBackStock(transaction, { productId, delta: quantity, nowMs });
          events.stockChanged(transaction, [change], cause);
        }
        await markReleased(transaction, orderId);
        return { ...standing, state: "released" };
      });
    },
  };
}

/** Takes all lines. Throws, which undoes the transaction, if one of them cannot be had. */
async function takeAll(transaction: Transaction, lines: readonly StockLine[], nowMs: number) {
  const taken = new Map<string, MovedStock>();
  for (const { productId, quantity } of inLockOrder(lines)) {
    const change = await moveStock(transaction, { productId, delta: -quantity, nowMs });
    if (change === undefined) {
      throw await whyRefused(transaction, lines, taken);
    }
    taken.set(productId, change);
  }
  return taken;
}

async function whyRefused(
  transaction: Transaction,
  lines: readonly StockLine[],
  taken: ReadonlyMap<string, MovedStock>,
): Promise<Error> {
  const there = new Map<string, Availability>();
  for (const [id, product] of await findProducts(transaction, productIds(lines))) {
    // What this transaction took goes back as it ends.
    there.set(id, { name: product.name, available: product.stock - (taken.get(id)?.delta ?? 0) });
  }
  return refusal(lines, there) ?? new Error("a guarded update refused what there is enough of");
}

function reservedItem(line: StockLine, taken: ReadonlyMap<string, MovedStock>): ReservedItem {
  const moved = taken.get(line.productId);
  if (moved === undefined) {
    throw new Error(`product ${line.productId} was not taken`);
  }
  return { ...line, productName: moved.productName, unitPrice: moved.price };
}

function productIds(lines: readonly StockLine[]): readonly string[] {
  return lines.map((line) => line.productId);
}
