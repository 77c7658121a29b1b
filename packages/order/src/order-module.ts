import { type Broker, createEventLog, createRelay } from "@parley/events";
import { platform } from "@parley/gen/services.js";
import { type Clock, type Environment, sleep } from "@parley/rpc";
import type { ServiceModule } from "@parley/rpc/server";
import { type Database, whenReachable } from "@parley/store";
import { orderService } from "./order-service.ts";
import { OrderStore } from "./order-store.ts";
import { createBuyers, type UserClient } from "./saga/buyers.ts";
import { createCancelOrder } from "./saga/cancel-order.ts";
import type { Checkpoint } from "./saga/checkpoint.ts";
import { createInTurn, type InTurn } from "./saga/in-turn.ts";
import { createOrderSaga } from "./saga/order-saga.ts";
import { createPlaceOrder } from "./saga/place-order.ts";
import { createRecovery, type Recovery } from "./saga/recovery.ts";
import { detachedFrom } from "./saga/saga-call.ts";
import { registerSagaMetrics } from "./saga/saga-metrics.ts";
import { createStock, type InventoryClient } from "./saga/stock.ts";

/** The `source` of the service's events. */
export const orderEventSource = "/services/order";

/** The deadline of an order whose caller set none: CreateOrder's timeout in the contract. */
const callTimeoutMs = 5_000;
/** How long `stop` waits for the orders in progress, and then, after it aborted them, for their end. */
const stopGraceMs = 2_000;

export interface OrderModuleOptions {
  readonly environment: Environment;
  /** The service's database, with `orderMigrations` and `eventMigrations`. Closed when the module stops. */
  readonly database: Database;
  readonly users: UserClient;
  readonly inventory: InventoryClient;
  /**
   * The name of this process, unique among the processes on the database and stable across restarts: a restarted process takes its own
   * orders over at once. Default `only`, for a single process, as with SQLite.
   */
  readonly owner?: string;
  /** Whether orders without a user are accepted, and callers without a token may place them. Default: false. */
  readonly guestOrders?: boolean;
  /** Delivers events to other services. Without it they wait in the log. Closed when the module stops. */
  readonly broker?: Broker | undefined;
  /** For tests. */
  readonly checkpoint?: Checkpoint;
}

/** The order service. */
export function createOrderModule(options: OrderModuleOptions): ServiceModule {
  const { environment, database, users, inventory, owner = "only", guestOrders = false, broker, checkpoint } = options;
  const { clock, log } = environment;
  const events = createEventLog({ database, source: orderEventSource, environment });
  const relay = broker && createRelay({ database, log: events, broker, environment, replica: owner });
  const store = new OrderStore({ database, events, clock, owner, checkpoint });
  registerSagaMetrics(database, environment);
  const inTurn = createInTurn();
  const stopping = new AbortController();
  const stopped = new AbortController();

  const saga = createOrderSaga({
    store,
    stock: createStock(inventory, checkpoint),
    clock,
    signal: stopped.signal,
    releaseLater: (orderId) => recovery.soon(orderId),
  });
  const recovery: Recovery = createRecovery({ store, saga, inTurn, environment, signal: stopping.signal });
  const buyers = createBuyers(users, checkpoint);
  const service = orderService({
    store,
    events,
    place: createPlaceOrder({ store, buyers, saga, inTurn, clock, newId: environment.newId }),
    cancel: createCancelOrder({ store, saga, inTurn }),
    guests: guestOrders,
    detached: (context) => detachedFrom(context, { clock, signal: stopped.signal, timeoutMs: callTimeoutMs }),
  });

  return {
    ...platform,
    onReachable: database.onReachable?.bind(database),
    entries: [service],
    guests: guestOrders,
    owners: { order: async (id) => (await store.get(id))?.userId },
    async start() {
      await whenReachable(database, () => recovery.start(), { clock, log });
      relay?.start();
    },
    async stop() {
      stopping.abort();
      await recovery.stop();
      await idleWithin(inTurn, stopGraceMs, clock);
      stopped.abort();
      await idleWithin(inTurn, stopGraceMs, clock);
      await relay?.stop();
      await broker?.close();
      await database.close();
    },
  };
}

async function idleWithin(inTurn: InTurn, graceMs: number, clock: Clock): Promise<void> {
  const idle = new AbortController();
  const over = sleep(clock, graceMs, idle.signal).catch(() => undefined);
  await Promise.race([inTurn.idle(), over]);
  idle.abort();
}
