import { create } from "@bufbuild/protobuf";
import { type EventLog, eventTypes, type NewEvent } from "@parley/events";
import { StockChangedSchema, StockLowSchema } from "@parley/gen/event/v1/event_pb.js";
import type { CallContext } from "@parley/rpc";
import type { Transaction } from "@parley/store";
import { fellLow, type StockChange, sayable } from "./stock-change.ts";

/** Writes down what happened to products, with the transaction in which it happened. */
export interface ProductEvents {
  /** Stocks changed; and they fell low, where they did. */
  stockChanged(transaction: Transaction, changes: readonly StockChange[], cause?: CallContext): void;
  /** Little is left. */
  stockLow(transaction: Transaction, change: StockChange, cause?: CallContext): void;
}

/** A change, and the call that asked for it. */
interface Caused {
  readonly change: StockChange;
  readonly cause: CallContext | undefined;
}

export function createProductEvents(log: EventLog): ProductEvents {
  /** The changes that become durable together: to whoever watches, those of one product are one change. */
  async function tell(transaction: Transaction, changes: readonly Caused[]) {
    const changed = [...Map.groupBy(changes, ({ change }) => change.productId).values()].map(changedTogether);
    const fallen = changes.filter(({ change }) => fellLow(change)).map(({ change, cause }) => low(change, cause));
    await log.append(transaction, ...changed, ...fallen);
  }

  async function tellLow(transaction: Transaction, changes: readonly Caused[]) {
    await log.append(transaction, ...changes.map(({ change, cause }) => low(change, cause)));
  }

  return {
    stockChanged(transaction, changes, cause) {
      for (const change of changes) {
        transaction.beforeCommit(tell, { change, cause });
      }
    },
    stockLow: (transaction, change, cause) => transaction.beforeCommit(tellLow, { change, cause }),
  };
}

/** The changes of one product as one. It has a cause where all have the same. */
function changedTogether(changes: readonly Caused[]): NewEvent {
  const { change, cause } = changes.at(-1) as Caused;
  const delta = changes.reduce((sum, one) => sum + one.change.delta, 0);
  const value = create(StockChangedSchema, {
    productId: change.productId,
    stock: sayable(change.stock),
    delta: sayable(delta),
  });
  const payload = { case: "stockChanged", value } as const;
  const isOne = changes.every((one) => one.cause === cause);
  return { ...about(change.productId, isOne ? cause : undefined), type: eventTypes.stockChanged, payload };
}

function low({ productId, productName, stock, lowStockThreshold }: StockChange, cause?: CallContext): NewEvent {
  const value = create(StockLowSchema, { productId, productName, stock: sayable(stock), lowStockThreshold });
  return { ...about(productId, cause), type: eventTypes.stockLow, payload: { case: "stockLow", value } };
}

// One key for each product: what becomes of it is told in order, and products do not wait for one another.
function about(productId: string, cause?: CallContext): Pick<NewEvent, "subject" | "partitionKey" | "cause"> {
  return { subject: productId, partitionKey: productId, ...(cause === undefined ? {} : { cause }) };
}
