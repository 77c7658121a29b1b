import { create } from "@bufbuild/protobuf";
import { type EventLog, eventTypes, type NewEvent } from "@parley/events";
import { StockChangedSchema, StockLowSchema } from "@parley/gen/event/v1/event_pb.js";
import type { CallContext } from "@parley/rpc";
import type { Transaction } from "@parley/store";
import { fellLow, type StockChange, sayable } from "./stock-change.ts";

/** Writes down what happened to products, in the transaction in which it happened. */
export interface ProductEvents {
  /** Stocks changed; and they fell low, where they did. */
  stockChanged(transaction: Transaction, changes: readonly StockChange[], cause?: CallContext): Promise<void>;
  /** Little is left. */
  stockLow(transaction: Transaction, change: StockChange, cause?: CallContext): Promise<void>;
}

export function createProductEvents(log: EventLog): ProductEvents {
  return {
    async stockChanged(transaction, changes, cause) {
      const events = changes.flatMap((change) =>
        fellLow(change) ? [changed(change, cause), low(change, cause)] : [changed(change, cause)],
      );
      await log.append(transaction, ...events);
    },
    async stockLow(transaction, change, cause) {
      await log.append(transaction, low(change, cause));
    },
  };
}

function changed({ productId, stock, delta }: StockChange, cause?: CallContext): NewEvent {
  const value = create(StockChangedSchema, { productId, stock: sayable(stock), delta });
  return { ...about(productId, cause), type: eventTypes.stockChanged, payload: { case: "stockChanged", value } };
}

function low({ productId, productName, stock, lowStockThreshold }: StockChange, cause?: CallContext): NewEvent {
  const value = create(StockLowSchema, { productId, productName, stock: sayable(stock), lowStockThreshold });
  return { ...about(productId, cause), type: eventTypes.stockLow, payload: { case: "stockLow", value } };
}

// One key for each product: what becomes of it is told in order, and products do not wait for one another.
function about(productId: string, cause?: CallContext): Pick<NewEvent, "subject" | "partitionKey" | "cause"> {
  return { subject: productId, partitionKey: productId, ...(cause === undefined ? {} : { cause }) };
}
