import { type Clock, type Environment, sleep } from "@parley/rpc";
import { isSettled, type Order } from "../order.ts";
import { ContendedError, DependencyError, ProductNotFoundError } from "../order-errors.ts";
import type { DueOrder, OrderStore } from "../order-store.ts";
import type { InTurn } from "./in-turn.ts";
import { leaseMs, type OrderSaga } from "./order-saga.ts";
import { type SagaCall, sagaCall } from "./saga-call.ts";
import { recoveryMetrics } from "./saga-metrics.ts";

/** The interval of sweeps. One costs one indexed read. */
export const sweepIntervalMs = 1_000;
/** The most orders recovered at once: few enough to leave most of the product service to new orders. */
const batchSize = 16;
/** The most orders waiting for their release; the next sweep finds the rest. */
const queueLengthMax = 1_000;
/** The time of one attempt. Longer than its calls may take. */
const tryTimeoutMs = 5_000;
/** The backoff after a failed attempt, doubled each time, minus a random part of up to a half. */
const backoffMs = 250;
/** The longest backoff, so that orders are settled soon after the product service is back. */
export const backoffMsMax = 10_000;

/** Settles orders after a crash, after a dependency failure, and after an early answer. */
export interface Recovery {
  /** Takes over the orders that this process owned before its restart, and starts sweeping. */
  start(): Promise<void>;
  /** Settles an order as soon as fewer than {@link batchSize} others are being settled. */
  soon(orderId: string): void;
  /** Stops. Unsettled orders are recovered after the restart. */
  stop(): Promise<void>;
}

export interface RecoveryOptions {
  readonly store: OrderStore;
  readonly saga: OrderSaga;
  readonly inTurn: InTurn;
  readonly environment: Pick<Environment, "clock" | "random" | "log" | "metrics">;
  /** Aborts when the service stops. */
  readonly signal: AbortSignal;
}

export function createRecovery({ store, saga, inTurn, environment, signal }: RecoveryOptions): Recovery {
  const { clock, log } = environment;
  const metrics = recoveryMetrics(environment);
  const queue: string[] = [];
  let active = 0;
  let sweeping: Promise<void> = Promise.resolve();

  function soon(orderId: string): void {
    if (signal.aborted || queue.length >= queueLengthMax) return;
    queue.push(orderId);
    pump();
  }

  function pump(): void {
    while (active < batchSize) {
      const orderId = queue.shift();
      if (orderId === undefined || signal.aborted) return;
      active++;
      void settle(orderId, 0).finally(() => {
        active--;
        pump();
      });
    }
  }

  /** One attempt. True if no step remains. */
  function settle(orderId: string, attempts: number): Promise<boolean> {
    return inTurn.run(orderId, async () => {
      try {
        const order = await store.get(orderId);
        if (order === undefined || isSettled(order.phase)) return true;
        await advance(order, sagaCall({ clock, signal, timeoutMs: tryTimeoutMs }));
        return true;
      } catch (error) {
        if (error instanceof ProductNotFoundError || error instanceof ContendedError) return true;
        if (!signal.aborted) await tryLater(orderId, attempts, error);
        return false;
      }
    });
  }

  async function advance(order: Order, call: SagaCall): Promise<Order> {
    if (order.phase !== "RESERVING") return await saga.release(order, call);
    // A repeated request returns an order with a request id. Without one it cannot: a buyer who saw an error places another order.
    if (order.requestId !== undefined) return await saga.reserve(order, call, "recovered");
    return await saga.abandon(order, "The order was interrupted.", call);
  }

  async function tryLater(orderId: string, attempts: number, error: unknown): Promise<void> {
    const waitMs = backoff(attempts, environment.random());
    metrics.failed();
    // An unavailable dependency is no bug here, and is retried often: no stack for each attempt.
    if (error instanceof DependencyError) {
      log.warn({ orderId, attempts, waitMs, error: error.message }, "order not settled yet, will be retried");
    } else {
      log.error({ orderId, attempts, waitMs, err: error }, "order could not be settled");
    }
    try {
      await store.postpone(orderId, waitMs);
    } catch (cause) {
      // The order is due again when its lease expires.
      log.error({ orderId, err: cause }, "the next attempt could not be delayed");
    }
  }

  /** Continues while there are more orders and progress. */
  async function sweep(): Promise<void> {
    await store.syncClock();
    let more = true;
    while (more && !signal.aborted) {
      const due = await store.due(batchSize);
      const settled = await Promise.all(due.map(takeOver));
      const progress = settled.filter(Boolean).length;
      metrics.recovered(progress);
      if (progress > 0) log.info({ orders: progress }, "recovery settled orders");
      more = due.length === batchSize && progress > 0;
    }
  }

  async function takeOver(due: DueOrder): Promise<boolean> {
    if (inTurn.isBusy(due.order.id) || signal.aborted) return false;
    if (!(await store.claim(due, tryTimeoutMs + leaseMs))) return false;
    return await settle(due.order.id, due.attempts);
  }

  async function sweepForever(): Promise<void> {
    while (!signal.aborted) {
      await sweep().catch((error: unknown) => log.error({ err: error }, "searching for unsettled orders failed"));
      await pause(clock, sweepIntervalMs * (0.8 + 0.4 * environment.random()), signal);
    }
  }

  return {
    async start() {
      await store.syncClock();
      const left = await store.adopt();
      if (left > 0) log.info({ orders: left }, "unsettled orders found at start");
      sweeping = sweepForever();
    },
    soon,
    stop: () => sweeping,
  };
}

/** The backoff after `attempts` failed ones, in milliseconds. */
export function backoff(attempts: number, random: number): number {
  return Math.round(Math.min(backoffMs * 2 ** attempts, backoffMsMax) * (1 - random / 2));
}

async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(clock, delayMs, signal).catch(() => undefined);
}
