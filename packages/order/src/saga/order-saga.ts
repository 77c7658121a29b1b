import type { Clock } from "@parley/rpc";
import { beginRelease, confirm, giveUp, type Order, type ReservedLine, refuse, released } from "../order.ts";
import {
  AmountOutOfRangeError,
  ContendedError,
  DependencyError,
  MixedCurrenciesError,
  orderReasons,
  ProductNotFoundError,
  type Refusal,
  ReservationMismatchError,
} from "../order-errors.ts";
import { eventOf } from "../order-events.ts";
import type { OrderStore } from "../order-store.ts";
import type { SagaCall } from "./saga-call.ts";
import type { Stock } from "./stock.ts";

/** The lease of an order after a transition, before any process's recovery takes it over. */
export const leaseMs = 2_000;

/**
 * The origin of a reservation attempt, which decides the handling of an unknown outcome.
 * - `new`: this process just created the order, and there was no earlier attempt.
 * - `resumed`: the buyer repeated the request.
 * - `recovered`: no caller waits for it, and it can be retried later.
 */
export type Occasion = "new" | "resumed" | "recovered";

/** The steps of an order that involve the product service. One at a time for each order (see in-turn.ts). */
export interface OrderSaga {
  /**
   * Reserves stock for a pending order and confirms it, or refuses it. Returns the order in its new phase.
   * Throws {@link ProductNotFoundError} if the order was deleted, {@link DependencyError} if the product service
   * is unavailable: the order is then rejected, or its stock is being released, unless `recovered`.
   */
  reserve(order: Order, call: SagaCall, occasion: Occasion): Promise<Order>;
  /** Abandons a pending order whose reservation has an unknown outcome: releases its stock and rejects it. */
  abandon(order: Order, reason: string, call: SagaCall): Promise<Order>;
  /** Releases an order's stock and makes the next transition. Throws {@link DependencyError}. */
  release(order: Order, call: SagaCall): Promise<Order>;
  /** Stores a transition; if another one came first, returns the order in its current phase. */
  move(order: Order, next: Order, call: SagaCall): Promise<Order>;
}

export interface OrderSagaOptions {
  readonly store: OrderStore;
  readonly stock: Stock;
  readonly clock: Clock;
  /** Aborts when the service stops: remaining orders are recovered after the restart. */
  readonly signal: AbortSignal;
  /** Called with each order whose caller has its answer and whose stock is still to be released. */
  readonly releaseLater: (orderId: string) => void;
}

export function createOrderSaga({ store, stock, clock, signal, releaseLater }: OrderSagaOptions): OrderSaga {
  async function reserve(order: Order, call: SagaCall, occasion: Occasion): Promise<Order> {
    const outcome = await stock.reserve(order.id, order.items, call);
    switch (outcome.kind) {
      case "reserved":
        return await confirmReserved(order, outcome.lines, call);
      case "refused": {
        // A delayed copy of the call may find stock later, so the refused order is released too.
        const refused = await move(order, refuse(order, outcome.refusal, clock.now()), call);
        releaseLater(order.id);
        return refused;
      }
      case "unknown-product":
        if (!(await store.remove(order.id, order.phase))) return await current(order.id, call);
        throw new ProductNotFoundError(outcome.refusal.message, outcome.refusal.metadata, { cause: outcome.cause });
      case "released":
        return await move(
          order,
          giveUp(order, "The order's stock was released before it was confirmed.", clock.now()),
          call,
        );
      case "failed":
        await afterFailure(order, outcome.error, call, occasion);
        throw outcome.error;
    }
  }

  async function confirmReserved(order: Order, lines: readonly ReservedLine[], call: SagaCall): Promise<Order> {
    let confirmed: Order;
    try {
      confirmed = confirm(order, lines, clock.now());
    } catch (error) {
      const refusal = refusalFor(error);
      if (refusal !== undefined) return await refuseReserved(order, refusal, call);
      if (!(error instanceof ReservationMismatchError)) throw error;
      await abandonSoon(order, "The product service's reservation does not match the order.", call);
      throw new DependencyError("product service", "failed", { orderId: order.id, cause: error });
    }
    return await move(order, confirmed, call);
  }

  /** Refuses an order with reserved stock, preferably after releasing it. */
  async function refuseReserved(order: Order, refusal: Refusal, call: SagaCall): Promise<Order> {
    const refused = await move(order, refuse(order, refusal, clock.now()), call);
    if (refused.phase !== "REFUSED") return refused;
    try {
      return await release(refused, call);
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      releaseLater(order.id);
      return refused;
    }
  }

  async function afterFailure(order: Order, error: DependencyError, call: SagaCall, occasion: Occasion) {
    if (occasion === "recovered" || signal.aborted) return;
    if (occasion === "new" && error.neverSent) {
      if (await giveUpUntouched(order, error.message, call)) return;
    }
    await abandonSoon(order, error.message, call);
  }

  /**
   * Rejects an order without a reservation. False if another process or call works on it too: it is then unknown what that one sent to
   * the product service.
   */
  async function giveUpUntouched(order: Order, reason: string, call: SagaCall): Promise<boolean> {
    const rejected = giveUp(order, reason, clock.now());
    const event = eventOf(order, rejected, call.cause);
    return await store.move(rejected, { from: order.phase, leaseMs, event, ifUntouched: true });
  }

  async function abandonSoon(order: Order, reason: string, call: SagaCall): Promise<void> {
    await move(order, beginRelease(order, reason), call);
    releaseLater(order.id);
  }

  async function abandon(order: Order, reason: string, call: SagaCall): Promise<Order> {
    const abandoned = await move(order, beginRelease(order, reason), call);
    return abandoned.phase === "RELEASING" ? await release(abandoned, call) : abandoned;
  }

  async function release(order: Order, call: SagaCall): Promise<Order> {
    await stock.release(order.id, call);
    return await move(order, released(order, clock.now()), call);
  }

  async function move(order: Order, next: Order, call: SagaCall): Promise<Order> {
    const event = eventOf(order, next, call.cause);
    if (await store.move(next, { from: order.phase, leaseMs, event })) return next;
    return await current(order.id, call);
  }

  async function current(orderId: string, call: SagaCall): Promise<Order> {
    const order = await store.get(orderId);
    if (order !== undefined) return order;
    // Another process found a product unknown and deleted the order. Without a row, nothing may be reserved for it.
    await stock.release(orderId, call);
    throw new ContendedError(orderId);
  }

  return { reserve, abandon, release, move };
}

function refusalFor(error: unknown): Refusal | undefined {
  if (error instanceof MixedCurrenciesError) {
    const metadata = { currencies: error.currencies.join(",") };
    return { reason: orderReasons.mixedCurrencies, message: error.message, metadata };
  }
  if (error instanceof AmountOutOfRangeError) {
    return { reason: orderReasons.amountOutOfRange, message: error.message, metadata: {} };
  }
  return undefined;
}
