import { create } from "@bufbuild/protobuf";
import { type EventLog, eventTypes, type NewEvent } from "@parley/events";
import { StockChangedSchema, StockLowSchema } from "@parley/gen/event/v1/event_pb.js";
import type { CallContext } from "@parley/rpc";
import type { Transaction } from "@parley/store";
import { clampToInt32, fellLow, type StockChange } from "./inventory/stock-change.ts";

/** Appends events about products, in the transaction of the change. */
export interface ProductEvents {
  /** Stocks changed; publishes StockLow for those that fell low. */
  stockChanged(transaction: Transaction, changes: readonly StockChange[], cause?: CallContext): void;
  /** The stock is low. */
  stockLow(transaction: Transaction, change: StockChange, cause?: CallContext): void;
}

/** A change, and the call that caused it. */
interface Caused {
  readonly change: StockChange;
  readonly cause: CallContext | undefined;
}

export function createProductEvents(log: EventLog): ProductEvents {
  /** The changes of one commit: those of one product become one event for watchers and for the shop. */
  async function appendStockEvents(transaction: Transaction, changes: readonly Caused[]) {
    const ofProducts = [...Map.groupBy(changes, ({ change }) => change.productId).values()];
    const fallen = ofProducts.filter((ofOne) => fellLow(together(ofOne)));
    await log.append(transaction, ...ofProducts.map(changed), ...fallen.map(lowTogether));
  }

  async function appendStockLow(transaction: Transaction, changes: readonly Caused[]) {
    await log.append(transaction, ...changes.map(({ change, cause }) => low(change, cause)));
  }

  return {
    stockChanged(transaction, changes, cause) {
      for (const change of changes) {
        transaction.beforeCommit(appendStockEvents, { change, cause });
      }
    },
    stockLow: (transaction, change, cause) => transaction.beforeCommit(appendStockLow, { change, cause }),
  };
}

/** The changes of one product, combined. */
function together(changes: readonly Caused[]): StockChange {
  const { change } = changes.at(-1) as Caused;
  return { ...change, delta: changes.reduce((sum, one) => sum + one.change.delta, 0) };
}

/** Has a cause if all changes have the same. */
function changed(changes: readonly Caused[]): NewEvent {
  const { productId, stock, delta } = together(changes);
  const value = create(StockChangedSchema, { productId, stock: clampToInt32(stock), delta: clampToInt32(delta) });
  const cause = changes.every((one) => one.cause === changes[0]?.cause) ? changes[0]?.cause : undefined;
  return { ...about(productId, cause), type: eventTypes.stockChanged, payload: { case: "stockChanged", value } };
}

/** Caused by the change that made the stock low. */
function lowTogether(changes: readonly Caused[]): NewEvent {
  return low(together(changes), changes.findLast(({ change }) => fellLow(change))?.cause);
}

function low({ productId, productName, stock, lowStockThreshold }: StockChange, cause?: CallContext): NewEvent {
  const value = create(StockLowSchema, { productId, productName, stock: clampToInt32(stock), lowStockThreshold });
  return { ...about(productId, cause), type: eventTypes.stockLow, payload: { case: "stockLow", value } };
}

// One key for each product: its events are ordered, and products do not wait for one another.
function about(productId: string, cause?: CallContext): Pick<NewEvent, "subject" | "partitionKey" | "cause"> {
  return { subject: productId, partitionKey: productId, ...(cause === undefined ? {} : { cause }) };
}
