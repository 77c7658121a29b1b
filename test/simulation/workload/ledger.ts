import type { Order } from "@parley/gen/order/v1/order_pb.js";
import type { LostTail } from "../world/failover.ts";

/** All requests and responses of the clients: the checks compare the services with it. */
export interface Ledger {
  readonly orders: OrderCall[];
  readonly cancellations: Cancellation[];
  readonly restocks: Restock[];
  readonly prices: PriceChange[];
  readonly reads: OrderRead[];
  /** Orders whose answers a failover may have lost. */
  readonly ordersInDoubt: Set<string>;
  /** Whether a failover lost commits. */
  hasLostTail: boolean;
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
  /** Whether its answer was given in the time that a failover lost. */
  isInDoubt?: boolean;
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
  /** When the shop got the response, in simulated milliseconds. */
  endMs?: number;
  /** Whether its answer was given in the time that a failover lost: its effect may have survived or not. */
  isInDoubt?: boolean;
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
  return {
    orders: [],
    cancellations: [],
    restocks: [],
    prices: [],
    reads: [],
    ordersInDoubt: new Set(),
    hasLostTail: false,
    strange: [],
  };
}

/**
 * Marks the answers of the time that a failover lost as unknown: their effects may have survived or not. Requests that are repeated afterwards have one
 * answer again. Returns the number of these answers.
 */
export function forget(ledger: Ledger, { fromMs, toMs }: LostTail): number {
  let count = 0;
  const isLost = (endMs: number) => endMs >= fromMs && endMs <= toMs;
  ledger.hasLostTail = true;
  for (const call of ledger.orders) {
    if (call.answer.kind === "unknown" || !isLost(call.endMs)) continue;
    if (call.answer.kind === "confirmed") ledger.ordersInDoubt.add(call.answer.order.id);
    call.answer = { kind: "unknown" };
    call.isInDoubt = true;
    count++;
  }
  for (const cancellation of ledger.cancellations) {
    if (!cancellation.isAnswered || !isLost(cancellation.endMs)) continue;
    cancellation.isAnswered = false;
    count++;
  }
  for (const restock of ledger.restocks) {
    if (restock.isDone !== true || !isLost(restock.endMs ?? 0)) continue;
    restock.isInDoubt = true;
    count++;
  }
  return count;
}
