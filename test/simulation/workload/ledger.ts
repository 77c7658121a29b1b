import type { Order } from "@parley/gen/order/v1/order_pb.js";

/** All requests and responses of the clients: the checks compare the services with it. */
export interface Ledger {
  readonly orders: OrderCall[];
  readonly cancellations: Cancellation[];
  readonly restocks: Restock[];
  readonly prices: PriceChange[];
  readonly reads: OrderRead[];
  /** Responses that no caller should ever get. */
  readonly strange: string[];
}

/** Requested units, by product. */
export type Wanted = Readonly<Record<string, number>>;

/** A CreateOrder call, including its retries. */
export interface OrderCall {
  /** Empty for a guest. */
  readonly userId: string;
  /** Where a guest is notified. Empty for a user, and for a guest who gave no address. */
  readonly guestEmail?: string;
  /** Empty without a request id. */
  readonly requestId: string;
  readonly wanted: Wanted;
  /** The start of the first attempt, in simulated milliseconds. */
  readonly startMs: number;
  endMs: number;
  answer: OrderAnswer;
}

/** A buyer's knowledge of an order. */
export type OrderAnswer =
  | { readonly kind: "confirmed"; readonly order: Order }
  | { readonly kind: "refused"; readonly reason: string; readonly metadata: Readonly<Record<string, string>> }
  /** No response, or one with an unknown outcome. */
  | { readonly kind: "unknown" };

export interface Cancellation {
  readonly orderId: string;
  /** Whether the buyer got a response that confirms the cancellation. */
  isAnswered: boolean;
  /** When the buyer got it, in simulated milliseconds. */
  endMs: number;
}

export interface Restock {
  readonly productId: string;
  readonly delta: number;
  readonly startMs: number;
  /** Whether the shop got a success response. Undefined while it does not know. */
  isDone: boolean | undefined;
}

/** A product's name and price from some moment on. A product has at most one change at a time. */
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

/** When a request was first made. This call may be a repetition. */
export function startOf(call: OrderCall, { orders }: Ledger): number {
  if (call.requestId === "") return call.startMs;
  return Math.min(...orders.filter(({ requestId }) => requestId === call.requestId).map(({ startMs }) => startMs));
}

export function createLedger(): Ledger {
  return { orders: [], cancellations: [], restocks: [], prices: [], reads: [], strange: [] };
}
