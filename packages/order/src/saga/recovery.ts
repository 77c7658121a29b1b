import { type Clock, type Environment, sleep } from "@parley/rpc";
import { isSettled, type Order } from "../order.ts";
import { ContendedError, DependencyError, ProductNotFoundError } from "../order-errors.ts";
import type { DueOrder, OrderStore } from "../order-store.ts";
import type { InTurn } from "./in-turn.ts";
import { leaseMs, type OrderSaga } from "./order-saga.ts";
import { type SagaCall, sagaCall } from "./saga-call.ts";

/** How often orders that were left are looked for. What it costs is one indexed read. */
export const sweepIntervalMs = 1_000;
/** Orders taken in hand at once: few enough that recovery leaves most of the product service to new orders. */
const batchSize = 16;
/** Orders that wait for their release at most; the rest is found by the next sweep. */
const queueLengthMax = 1_000;
/** The time that one try has. Longer than the calls it makes may take. */
const tryTimeoutMs = 5_000;
/** The wait after a failed try, doubled with each further one, less a random part of up to a half. */
const backoffMs = 250;
/** The longest wait, so that orders are settled soon after the product service came back. */
export const backoffMsMax = 10_000;

/** Settles the orders that were left by a crash, by a service that could not be reached, or by an answer given early. */
export interface Recovery {
  /** Takes over what an earlier life of this process left, and begins to look for more. */
  start(): Promise<void>;
  /** Settles an order as soon as there is room. */
  soon(orderId: string): void;
  /** Ends. What is not settled then is left for the next life. */
  stop(): Promise<void>;
}

export interface RecoveryOptions {
  readonly store: OrderStore;
  readonly saga: OrderSaga;
  readonly inTurn: InTurn;
  readonly environment: Pick<Environment, "clock" | "random" | "log">;
  /** Aborts when the service stops. */
  readonly signal: AbortSignal;
}

export function createRecovery({ store, saga, inTurn, environment, signal }: RecoveryOptions): Recovery {
  const { clock, log } = environment;
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

  /** One try. True if nothing is left to be done. */
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
    // Whoever gave a request id may ask for the order by it. Without one nobody could, and a person who saw an error orders again.
    if (order.requestId !== undefined) return await saga.reserve(order, call, "recovered");
    return await saga.abandon(order, "The order was interrupted.", call);
  }

  async function tryLater(orderId: string, attempts: number, error: unknown): Promise<void> {
    const waitMs = backoff(attempts, environment.random());
    // A service that is away is no fault of this one, and is tried often: no stack for each try.
    if (error instanceof DependencyError) {
      log.warn({ orderId, attempts, waitMs, error: error.message }, "an order waits to be settled");
    } else {
      log.error({ orderId, attempts, waitMs, err: error }, "an order could not be settled");
    }
    try {
      await store.postpone(orderId, clock.now() + waitMs);
    } catch (cause) {
      // The order's lease runs out all the same.
      log.error({ orderId, err: cause }, "the next try could not be put off");
    }
  }

  /** Goes on as long as there is more and it helps. */
  async function sweep(): Promise<void> {
    let more = true;
    while (more && !signal.aborted) {
      const due = await store.due(clock.now(), batchSize);
      const settled = await Promise.all(due.map(takeOver));
      const progress = settled.filter(Boolean).length;
      if (progress > 0) log.info({ orders: progress }, "settled orders that were left");
      more = due.length === batchSize && progress > 0;
    }
  }

  async function takeOver(due: DueOrder): Promise<boolean> {
    if (inTurn.isBusy(due.order.id) || signal.aborted) return false;
    if (!(await store.claim(due, clock.now() + tryTimeoutMs + leaseMs))) return false;
    return await settle(due.order.id, due.attempts);
  }

  async function sweepForever(): Promise<void> {
    while (!signal.aborted) {
      await sweep().catch((error: unknown) =>
        log.error({ err: error }, "orders that were left could not be looked for"),
      );
      await pause(clock, sweepIntervalMs * (0.8 + 0.4 * environment.random()), signal);
    }
  }

  return {
    async start() {
      const left = await store.adopt(clock.now());
      if (left > 0) log.info({ orders: left }, "an earlier life left orders unsettled");
      sweeping = sweepForever();
    },
    soon,
    stop: () => sweeping,
  };
}

/** The wait before the next try after `attempts` failed ones, in milliseconds. */
export function backoff(attempts: number, random: number): number {
  return Math.round(Math.min(backoffMs * 2 ** attempts, backoffMsMax) * (1 - random / 2));
}

async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(clock, delayMs, signal).catch(() => undefined);
}
