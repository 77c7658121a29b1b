import { type Money, multiply, sum } from "./money.ts";
import { IllegalTransitionError, type Refusal, ReservationMismatchError } from "./order-errors.ts";
import type { OrderLine } from "./order-line.ts";

/** Where an order stands, as everybody sees it. */
export type OrderState = "PENDING" | "CONFIRMED" | "CANCELLED" | "REJECTED";

/**
 * Where an order stands, as its own service sees it: a state, and what is still to be done about it.
 * - `RESERVING` (pending): the stock may or may not be set aside.
 * - `RELEASING` (pending): given up; the stock must be given back before the order is rejected.
 * - `REFUSED` (rejected): the answer is settled; that no late reservation holds stock is not yet sure.
 * - `CANCELLING` (confirmed): to be cancelled as soon as the stock was given back.
 */
export type OrderPhase = "RESERVING" | "RELEASING" | "CONFIRMED" | "CANCELLING" | "CANCELLED" | "REFUSED" | "REJECTED";

/** An order. Never changed: each move makes a new one. */
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
  /** Why it was, or is about to be, rejected or cancelled; empty otherwise. */
  readonly stateReason: string;
  /** Why it was rejected, where a repetition of the request gets the same refusal again. */
  readonly refusal?: Refusal | undefined;
  /** The buyer's key of the request, as long as a repetition of the request gets this order. */
  readonly requestId?: string | undefined;
  /** Grows with every change that can be seen from outside. */
  readonly revision: number;
  readonly createTimeMs: number;
  readonly updateTimeMs: number;
  /** Set once confirmed. */
  readonly confirmTimeMs?: number | undefined;
}

/** Units of one product in an order. Name and prices are set once confirmed. */
export interface OrderItem extends OrderLine {
  readonly productName?: string;
  readonly unitPrice?: Money;
  readonly totalPrice?: Money;
}

/** What the product service set aside for a line. */
export interface ReservedLine extends OrderLine {
  readonly productName: string;
  readonly unitPrice: Money;
}

/** What a new order is made of. */
export interface NewOrder {
  readonly id: string;
  readonly userId: string;
  readonly userName: string;
  readonly userEmail: string;
  /** Added up: a line for each product. */
  readonly lines: readonly OrderLine[];
  readonly requestId?: string | undefined;
}

/** A new order, pending. */
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
 * The order with names and prices as they were reserved. Throws {@link MixedCurrenciesError} or
 * {@link AmountOutOfRangeError} if they cannot be added up, {@link ReservationMismatchError} if what was reserved is not what
 * was ordered.
 */
export function confirm(order: Order, reserved: readonly ReservedLine[], nowMs: number): Order {
  const reservedOf = new Map(reserved.map((line) => [line.productId, line]));
  const items = order.items.map((item) => price(order, item, reservedOf.get(item.productId)));
  const totalPrice = sum(items.map((item) => item.totalPrice));
  return { ...change(order, "CONFIRMED", nowMs), items, totalPrice, confirmTimeMs: notBefore(order, nowMs) };
}

/** The order rejected for a reason that will be given again; stock that a late message may set aside is still to be released. */
export function refuse(order: Order, refusal: Refusal, nowMs: number): Order {
  return { ...change(order, "REFUSED", nowMs), refusal, stateReason: refusal.message };
}

/**
 * The order rejected because it could not be tried: nothing was reserved. Its request id is free again, so that the same
 * request can be tried anew.
 */
export function giveUp(order: Order, reason: string, nowMs: number): Order {
  return { ...change(order, "REJECTED", nowMs), stateReason: reason, requestId: undefined };
}

/** The order about to be rejected, once its stock was given back. */
export function beginRelease(order: Order, reason: string): Order {
  return { ...move(order, "RELEASING"), stateReason: reason };
}

/** The confirmed order about to be cancelled, once its stock was given back. */
export function beginCancel(order: Order, reason: string): Order {
  return { ...move(order, "CANCELLING"), stateReason: reason };
}

/** What becomes of the order now that its stock was given back for good. */
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

/** The state that everybody sees. */
export function stateOf(phase: OrderPhase): OrderState {
  return states[phase];
}

/** Whether nothing is left to be done. */
export function isSettled(phase: OrderPhase): boolean {
  return phase === "CONFIRMED" || phase === "CANCELLED" || phase === "REJECTED";
}

/** Changes with every change of the order that can be seen from outside. */
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

/** The moves that there are. No phase is ever entered twice, so a row's phase alone tells whether somebody else moved it. */
const moves: Readonly<Record<OrderPhase, readonly OrderPhase[]>> = {
  RESERVING: ["CONFIRMED", "REFUSED", "REJECTED", "RELEASING"],
  RELEASING: ["REJECTED"],
  CONFIRMED: ["CANCELLING"],
  CANCELLING: ["CANCELLED"],
  CANCELLED: [],
  REFUSED: ["REJECTED"],
  REJECTED: [],
};

/** A move within the order's state, which nobody outside sees. */
function move(order: Order, phase: OrderPhase): Order {
  if (!moves[order.phase].includes(phase)) throw new IllegalTransitionError(order.id, order.phase, phase);
  return { ...order, phase };
}

/** A move to another state. */
function change(order: Order, phase: OrderPhase, nowMs: number): Order {
  if (stateOf(phase) === stateOf(order.phase)) throw new IllegalTransitionError(order.id, order.phase, phase);
  return { ...move(order, phase), revision: order.revision + 1, updateTimeMs: notBefore(order, nowMs) };
}

// The machine's time may be set back between two changes; an order's own times never go back.
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
