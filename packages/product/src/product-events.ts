import { create } from "@bufbuild/protobuf";
import { type EventLog, eventTypes, type NewEvent } from "@parley/events";
import { StockChangedSchema, StockLowSchema } from "@parley/gen/event/v1/event_pb.js";
import type { CallContext } from "@parley/rpc";
import type { Transaction } from "@parley/store";
import { fellLow, type StockChange, sayable } from "./stock-change.ts";

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
        type: eventTypes.stockChanged,
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
        type: eventTypes.stockLow,
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
