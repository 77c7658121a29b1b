import type { CallContext, Clock } from "@parley/rpc";
import { type Database, execute } from "@parley/store";
import { productNotFound } from "../product-errors.ts";
import type { ProductEvents } from "../product-events.ts";
import { findProducts, giveBackStock } from "../product-store.ts";
import { inLockOrder, type Reservation, type StockLine, sumLines } from "./reservation.ts";
import { insertReservations, lockReservation, markReleased } from "./reservation-store.ts";
import { reserveCommand } from "./reserve-command.ts";

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
        const standing = await lockReservation(transaction, orderId);
        if (standing === undefined) {
          const tombstone: Reservation = { orderId, state: "released", items: [], createTimeMs: nowMs };
          await insertReservations(transaction, [tombstone]);
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

function productIds(lines: readonly StockLine[]): readonly string[] {
  return lines.map((line) => line.productId);
}
