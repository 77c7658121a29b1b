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

/** How long an order is left to whoever moved it, before recovery of any process takes it in hand. */
export const leaseMs = 2_000;

/**
 * Why an order is being reserved for, which decides what a failure with an unknown outcome leads to.
 * - `new`: this process just made it, and nobody tried before.
 * - `resumed`: the buyer's request came again.
 * - `recovered`: nobody waits for it, and it can be tried again later.
 */
export type Occasion = "new" | "resumed" | "recovered";

/** The steps of an order that involve the product service. One at a time for each order (see in-turn.ts). */
export interface OrderSaga {
  /**
   * Sets stock aside for a pending order and confirms it, or refuses it. Returns the order as it then is.
   * Throws {@link ProductNotFoundError} if nothing is kept of the order, {@link DependencyError} if the product service
   * could not be asked: the order is then given up, or about to be, unless `recovered`.
   */
  reserve(order: Order, call: SagaCall, occasion: Occasion): Promise<Order>;
  /** Gives up a pending order of which nobody knows whether stock is set aside for it. */
  abandon(order: Order, reason: string, call: SagaCall): Promise<Order>;
  /** Gives an order's stock back and lets the order go on from there. Throws {@link DependencyError}. */
  release(order: Order, call: SagaCall): Promise<Order>;
  /** Keeps a move of the order; where somebody else moved it before, answers the order as it then is. */
  move(order: Order, next: Order, call: SagaCall): Promise<Order>;
}

export interface OrderSagaOptions {
  readonly store: OrderStore;
  readonly stock: Stock;
  readonly clock: Clock;
  /** Aborts when the service stops: what is left then is left for the next life. */
  readonly signal: AbortSignal;
  /** Told of each order that is answered but still has stock to release. */
  readonly leave: (orderId: string) => void;
}

export function createOrderSaga({ store, stock, clock, signal, leave }: OrderSagaOptions): OrderSaga {
  async function reserve(order: Order, call: SagaCall, occasion: Occasion): Promise<Order> {
    const outcome = await stock.reserve(order.id, order.items, call);
    switch (outcome.kind) {
      case "reserved":
        return await confirmReserved(order, outcome.lines, call);
      case "refused": {
        // A delayed copy of the call may still find stock later, so the refused order is released all the same.
        const refused = await move(order, refuse(order, outcome.refusal, clock.now()), call);
        leave(order.id);
        return refused;
      }
      case "unknown-product":
        if (!(await store.remove(order.id, order.phase))) return await current(order.id, call);
        throw new ProductNotFoundError(outcome.refusal.message, outcome.refusal.metadata, { cause: outcome.cause });
      case "released":
        return await move(order, giveUp(order, "The order was given up before.", clock.now()), call);
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
      await abandonSoon(order, "The product service answered what was not asked.", call);
      throw new DependencyError("product service", "failed", { orderId: order.id, cause: error });
    }
    return await move(order, confirmed, call);
  }

  /** Refuses an order whose stock is set aside; best given back before the buyer hears of it. */
  async function refuseReserved(order: Order, refusal: Refusal, call: SagaCall): Promise<Order> {
    const refused = await move(order, refuse(order, refusal, clock.now()), call);
    if (refused.phase !== "REFUSED") return refused;
    try {
      return await release(refused, call);
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      leave(order.id);
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
   * Gives up an order for which nothing was set aside. False if another process or call works on it too: what that one asked the product
   * service for is not known here.
   */
  async function giveUpUntouched(order: Order, reason: string, call: SagaCall): Promise<boolean> {
    const rejected = giveUp(order, reason, clock.now());
    const event = eventOf(order, rejected, call.cause);
    const dueTimeMs = clock.now() + leaseMs;
    return await store.move(rejected, { from: order.phase, dueTimeMs, event, ifUntouched: true });
  }

  async function abandonSoon(order: Order, reason: string, call: SagaCall): Promise<void> {
    await move(order, beginRelease(order, reason), call);
    leave(order.id);
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
    const dueTimeMs = clock.now() + leaseMs;
    if (await store.move(next, { from: order.phase, dueTimeMs, event })) return next;
    return await current(order.id, call);
  }

  async function current(orderId: string, call: SagaCall): Promise<Order> {
    const order = await store.get(orderId);
    if (order !== undefined) return order;
    // Another process found a product unknown and removed the order. Nothing stands for it, so nothing may be set aside for it.
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
