import type { Order } from "@parley/gen/order/v1/order_pb.js";

/** What people outside asked for and what they were told: what the services are held to. */
export interface Ledger {
  readonly orders: OrderCall[];
  readonly cancellations: Cancellation[];
  readonly restocks: Restock[];
  readonly prices: PriceChange[];
  readonly reads: OrderRead[];
  /** Returns that no caller should ever get. */
  readonly strange: string[];
}

/** Units asked for, by product. */
export type Wanted = Readonly<Record<string, number>>;

/** A call of CreateOrder, with its repetitions until it was answered. */
export interface OrderCall {
  readonly userId: string;
  /** Empty if the buyer gave none. */
  readonly requestId: string;
  readonly wanted: Wanted;
  /** When it was asked first, in simulated milliseconds. */
  readonly startMs: number;
  endMs: number;
  answer: OrderAnswer;
}

/** What a buyer knows of an order. */
export type OrderAnswer =
  | { readonly kind: "confirmed"; readonly order: Order }
  | { readonly kind: "refused"; readonly reason: string; readonly metadata: Readonly<Record<string, string>> }
  /** Nothing: no answer came, or one with an unknown outcome. */
  | { readonly kind: "unknown" };

export interface Cancellation {
  readonly orderId: string;
  /** Whether the buyer was told that the order is cancelled. */
  isAnswered: boolean;
  /** When, in simulated milliseconds. */
  endMs: number;
}

export interface Restock {
  readonly productId: string;
  readonly delta: number;
  readonly startMs: number;
  /** Whether the shop was told that it is done; undefined while it does not know. */
  isDone: boolean | undefined;
}

/** A product's name and price from some moment on. Of one product there is one change at a time. */
export interface PriceChange {
  readonly productId: string;
  readonly name: string;
  readonly units: bigint;
  readonly currencyCode: string;
  readonly startMs: number;
  endMs: number;
}

/** An order as a user saw it. */
export interface OrderRead {
  readonly order: Order;
  readonly startMs: number;
}

/** When a request was made first, of which this call may be a repetition. */
export function startOf(call: OrderCall, { orders }: Ledger): number {
  if (call.requestId === "") return call.startMs;
  return Math.min(...orders.filter(({ requestId }) => requestId === call.requestId).map(({ startMs }) => startMs));
}

export function createLedger(): Ledger {
  return { orders: [], cancellations: [], restocks: [], prices: [], reads: [], strange: [] };
}
