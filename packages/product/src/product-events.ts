import { create } from "@bufbuild/protobuf";
import type { EventLog, NewEvent } from "@parley/events";
import { StockChangedSchema, StockLowSchema } from "@parley/gen/event/v1/event_pb.js";
import type { CallContext } from "@parley/rpc";
import type { Transaction } from "@parley/store";
import { fellLow, type StockChange, sayable } from "./stock-change.ts";

/** The types of the events that the product service tells. */
export const productEventTypes = {
  stockChanged: "parley.product.stock_changed.v1",
  stockLow: "parley.product.stock_low.v1",
} as const;

/** Writes down what happened to products, in the transaction in which it happened. */
export interface ProductEvents {
  /** A stock changed; and it fell low, where it did. */
  stockChanged(transaction: Transaction, change: StockChange, cause?: CallContext): Promise<void>;
  /** Little is left. */
  stockLow(transaction: Transaction, change: StockChange, cause?: CallContext): Promise<void>;
}

export function createProductEvents(log: EventLog): ProductEvents {
  const events: ProductEvents = {
    async stockChanged(transaction, change, cause) {
      const { productId, delta } = change;
      const value = create(StockChangedSchema, { productId, stock: sayable(change.stock), delta });
      await log.append(transaction, {
        ...about(productId, cause),
        type: productEventTypes.stockChanged,
        payload: { case: "stockChanged", value },
      });
      if (fellLow(change)) {
        await events.stockLow(transaction, change, cause);
      }
    },
    async stockLow(transaction, { productId, productName, stock, lowStockThreshold }, cause) {
      const value = create(StockLowSchema, { productId, productName, stock: sayable(stock), lowStockThreshold });
      await log.append(transaction, {
        ...about(productId, cause),
        type: productEventTypes.stockLow,
        payload: { case: "stockLow", value },
      });
    },
  };
  return events;
}

// One key for each product: what becomes of it is told in order, and products do not wait for one another.
function about(productId: string, cause?: CallContext): Pick<NewEvent, "subject" | "partitionKey" | "cause"> {
  return { subject: productId, partitionKey: productId, ...(cause === undefined ? {} : { cause }) };
}
