import { type Money, multiply, sum } from "./money.ts";
import { IllegalTransitionError, type Refusal, ReservationMismatchError } from "./order-errors.ts";
import type { OrderLine } from "./order-line.ts";

/** The public state of an order. */
export type OrderState = "PENDING" | "CONFIRMED" | "CANCELLED" | "REJECTED";

/**
 * The internal state of an order: its public state, and the step that remains.
 * - `RESERVING` (pending): the stock may or may not be reserved.
 * - `RELEASING` (pending): abandoned; the stock must be released before the order is rejected.
 * - `REFUSED` (rejected): the answer is final; a late reservation may still hold stock.
 * - `CANCELLING` (confirmed): to be cancelled as soon as the stock is released.
 */
export type OrderPhase = "RESERVING" | "RELEASING" | "CONFIRMED" | "CANCELLING" | "CANCELLED" | "REFUSED" | "REJECTED";

/** An order. Immutable: each transition creates a new one. */
export interface Order {
  readonly id: string;
  readonly userId: string;
  readonly userName: string;
  readonly userEmail: string;
  /** A line for each product. */
  readonly items: readonly OrderItem[];
  /** Set once confirmed. */
  readonly totalPrice?: Money | undefined;
  readonly phase: OrderPhase;
  /** The reason of a rejection or cancellation, also a planned one; empty otherwise. */
  readonly stateReason: string;
  /** The refusal that a repeated request receives again. */
  readonly refusal?: Refusal | undefined;
  /** The buyer's request id, while a repetition of the request returns this order. */
  readonly requestId?: string | undefined;
  /** Increases with every public change. */
  readonly revision: number;
  readonly createTimeMs: number;
  readonly updateTimeMs: number;
  /** Set once confirmed. */
  readonly confirmTimeMs?: number | undefined;
}

/** Units of one product in an order. Name and prices are set at confirmation. */
export interface OrderItem extends OrderLine {
  readonly productName?: string;
  readonly unitPrice?: Money;
  readonly totalPrice?: Money;
}

/** The product service's reservation for a line. */
export interface ReservedLine extends OrderLine {
  readonly productName: string;
  readonly unitPrice: Money;
}

/** The data of a new order. */
export interface NewOrder {
  readonly id: string;
  readonly userId: string;
  readonly userName: string;
  readonly userEmail: string;
  /** Merged: a line for each product. */
  readonly lines: readonly OrderLine[];
  readonly requestId?: string | undefined;
}

/** A new order, PENDING. */
export function placeOrder({ lines, ...rest }: NewOrder, nowMs: number): Order {
  return {
    ...rest,
    items: lines,
    phase: "RESERVING",
    stateReason: "",
    revision: 1,
    createTimeMs: nowMs,
    updateTimeMs: nowMs,
  };
}

/**
 * The order with names and prices of the reservation. Throws {@link MixedCurrenciesError} or
 * {@link AmountOutOfRangeError} if they cannot be added, {@link ReservationMismatchError} if the reservation differs
 * from the order.
 */
export function confirm(order: Order, reserved: readonly ReservedLine[], nowMs: number): Order {
  const reservedOf = new Map(reserved.map((line) => [line.productId, line]));
  const items = order.items.map((item) => price(order, item, reservedOf.get(item.productId)));
  const totalPrice = sum(items.map((item) => item.totalPrice));
  return { ...change(order, "CONFIRMED", nowMs), items, totalPrice, confirmTimeMs: notBefore(order, nowMs) };
}

/** The order rejected with a final refusal; stock that a late message may reserve must still be released. */
export function refuse(order: Order, refusal: Refusal, nowMs: number): Order {
  return { ...change(order, "REFUSED", nowMs), refusal, stateReason: refusal.message };
}

/**
 * The order rejected without a reservation. Its request id is free again, so that the same
 * request can be retried.
 */
export function giveUp(order: Order, reason: string, nowMs: number): Order {
  return { ...change(order, "REJECTED", nowMs), stateReason: reason, requestId: undefined };
}

/** The order that is rejected once its stock is released. */
export function beginRelease(order: Order, reason: string): Order {
  return { ...move(order, "RELEASING"), stateReason: reason };
}

/** The confirmed order that is cancelled once its stock is released. */
export function beginCancel(order: Order, reason: string): Order {
  return { ...move(order, "CANCELLING"), stateReason: reason };
}

/** The order after its stock was released. It can no longer be reserved. */
export function released(order: Order, nowMs: number): Order {
  switch (order.phase) {
    case "RELEASING":
      return giveUp(order, order.stateReason, nowMs);
    case "REFUSED":
      return move(order, "REJECTED");
    default:
      return change(order, "CANCELLED", nowMs);
  }
}

/** The order as it was when it was confirmed. Throws {@link IllegalTransitionError} if it never was. */
export function asConfirmed(order: Order): Order {
  if (order.confirmTimeMs === undefined) throw new IllegalTransitionError(order.id, order.phase, "CONFIRMED");
  return { ...order, phase: "CONFIRMED", stateReason: "", revision: 2, updateTimeMs: order.confirmTimeMs };
}

/** The public state. */
export function stateOf(phase: OrderPhase): OrderState {
  return states[phase];
}

/** Whether no step remains. */
export function isSettled(phase: OrderPhase): boolean {
  return phase === "CONFIRMED" || phase === "CANCELLED" || phase === "REJECTED";
}

/** Changes with every public change of the order. */
export function etagOf(order: Order): string {
  return String(order.revision);
}

const states: Readonly<Record<OrderPhase, OrderState>> = {
  RESERVING: "PENDING",
  RELEASING: "PENDING",
  CONFIRMED: "CONFIRMED",
  CANCELLING: "CONFIRMED",
  CANCELLED: "CANCELLED",
  REFUSED: "REJECTED",
  REJECTED: "REJECTED",
};

/** The legal transitions. No phase is entered twice, so a changed phase shows that another process changed the order. */
const moves: Readonly<Record<OrderPhase, readonly OrderPhase[]>> = {
  RESERVING: ["CONFIRMED", "REFUSED", "REJECTED", "RELEASING"],
  RELEASING: ["REJECTED"],
  CONFIRMED: ["CANCELLING"],
  CANCELLING: ["CANCELLED"],
  CANCELLED: [],
  REFUSED: ["REJECTED"],
  REJECTED: [],
};

/** A transition within the order's public state. */
function move(order: Order, phase: OrderPhase): Order {
  if (!moves[order.phase].includes(phase)) throw new IllegalTransitionError(order.id, order.phase, phase);
  return { ...order, phase };
}

/** A transition to another public state. */
function change(order: Order, phase: OrderPhase, nowMs: number): Order {
  if (stateOf(phase) === stateOf(order.phase)) throw new IllegalTransitionError(order.id, order.phase, phase);
  return { ...move(order, phase), revision: order.revision + 1, updateTimeMs: notBefore(order, nowMs) };
}

// The clock may be set back between two changes. The times of an order never decrease.
function notBefore(order: Order, nowMs: number): number {
  return Math.max(order.updateTimeMs, nowMs);
}

function price(order: Order, item: OrderItem, line: ReservedLine | undefined) {
  if (line?.quantity !== item.quantity) throw new ReservationMismatchError(order.id, item.productId);
  return {
    productId: item.productId,
    quantity: item.quantity,
    productName: line.productName,
    unitPrice: line.unitPrice,
    totalPrice: multiply(line.unitPrice, item.quantity),
  };
}
