import type { CallContext, Clock } from "@parley/rpc";
import { type Database, execute } from "@parley/store";
import { productNotFound } from "../product-errors.ts";
import type { ProductEvents } from "../product-events.ts";
import { findProducts, giveBackStock } from "../product-store.ts";
import { inLockOrder, type Reservation, type StockLine, sumLines } from "./reservation.ts";
import { insertReservations, lockReservation, markReleased } from "./reservation-store.ts";
import { reserveCommand } from "./reserve-command.ts";

/** An order's id, and the call that caused the operation. */
export interface OrderCall {
  readonly orderId: string;
  readonly cause?: CallContext | undefined;
}

/** The available and the requested units of a product. */
export interface StockLevel extends StockLine {
  readonly available: number;
}

/** The stock of each product, and its reservations. */
export interface Inventory {
  /** The current stock. Throws PRODUCT_NOT_FOUND. */
  check(lines: readonly StockLine[]): Promise<readonly StockLevel[]>;
  /**
   * Reserves stock for an order, all lines or none; a repetition returns the same. Throws PRODUCT_NOT_FOUND,
   * INSUFFICIENT_STOCK, ORDER_RELEASED, RESERVATION_DIFFERS.
   */
  reserve(order: OrderCall & { readonly lines: readonly StockLine[] }): Promise<Reservation>;
  /** Releases an order's stock, once, and refuses later reservations of the order. */
  release(order: OrderCall): Promise<Reservation>;
}

export interface InventoryOptions {
  readonly database: Database;
  readonly events: ProductEvents;
  readonly clock: Clock;
}

export function createInventory({ database, events, clock }: InventoryOptions): Inventory {
  const reserve = reserveCommand({ events, clock });

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

    reserve: ({ orderId, lines, cause }) =>
      execute(database, reserve, { input: { orderId, lines: sumLines(lines), cause } }),

    release({ orderId, cause }) {
      return database.transaction(async (transaction) => {
        const nowMs = clock.now();
        const existing = await lockReservation(transaction, orderId);
        if (existing === undefined) {
          const tombstone: Reservation = { orderId, state: "released", items: [], createTimeMs: nowMs };
          await insertReservations(transaction, [tombstone]);
          return tombstone;
        }
        if (existing.state === "released") {
          return existing;
        }
        for (const { productId, quantity } of inLockOrder(existing.items)) {
          const change = await giveBackStock(transaction, { productId, delta: quantity, nowMs });
          events.stockChanged(transaction, [change], cause);
        }
        await markReleased(transaction, orderId);
        return { ...existing, state: "released" };
      });
    },
  };
}

function productIds(lines: readonly StockLine[]): readonly string[] {
  return lines.map((line) => line.productId);
}
