import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { createEventLog, type EventLog, type NewEvent } from "@parley/events";
import { ValidateUserResponseSchema } from "@parley/gen/user/v1/user_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { createTestClock, type TestClock } from "@parley/rpc/testing";
import type { Database } from "@parley/store";
import { openTestDatabase } from "@parley/store/testing";
import { orderMigrations } from "../migrations/index.ts";
import { OrderStore } from "../order-store.ts";
import { createBuyers, type UserClient } from "../saga/buyers.ts";
import { createCancelOrder } from "../saga/cancel-order.ts";
import type { Checkpoint } from "../saga/checkpoint.ts";
import { createInTurn } from "../saga/in-turn.ts";
import type { OrderRequest } from "../saga/order-request.ts";
import { createOrderSaga } from "../saga/order-saga.ts";
import { createPlaceOrder } from "../saga/place-order.ts";
import { createRecovery } from "../saga/recovery.ts";
import { type SagaCall, sagaCall } from "../saga/saga-call.ts";
import { createStock } from "../saga/stock.ts";
import { createTestInventory, type TestInventory } from "./test-inventory.ts";

export interface TestOrdersOptions {
  readonly database?: Database;
  readonly clock?: TestClock;
  readonly inventory?: TestInventory;
  readonly owner?: string;
  readonly checkpoint?: Checkpoint;
}

/** The order domain over a real database, a product service in memory, and a manual clock. */
export async function createTestOrders(options: TestOrdersOptions = {}) {
  const { clock = createTestClock(), owner = "only", checkpoint } = options;
  const { database = await openTestDatabase({ migrations: orderMigrations, clock }) } = options;
  const { inventory = createTestInventory(clock) } = options;
  const events: NewEvent[] = [];
  const log = createEventLog({
    database,
    source: "/services/order",
    environment: { clock, newId: () => `event-${nextId++}` },
  });
  const store = new OrderStore({ database, events: alsoInto(events, log), clock, owner, checkpoint });
  const inTurn = createInTurn();
  const stop = new AbortController();
  const { signal } = stop;
  const users = createTestUsers();
  const saga = createOrderSaga({
    store,
    stock: createStock(inventory, checkpoint),
    clock,
    signal,
    releaseLater: (orderId) => recovery.soon(orderId),
  });
  const environment = { ...systemEnvironment({ name: "order", logLevel: "silent" }), clock, random: () => 0.5 };
  const recovery = createRecovery({ store, saga, inTurn, environment, signal });
  const buyers = createBuyers(users, checkpoint);
  const newId = () => `order-${String(nextId++).padStart(6, "0")}`;
  const place = createPlaceOrder({ store, buyers, saga, inTurn, clock, newId });
  const cancel = createCancelOrder({ store, saga, inTurn });
  const call = (timeoutMs = 5_000): SagaCall => sagaCall({ clock, signal, timeoutMs });

  return {
    clock,
    database,
    inventory,
    users,
    events,
    store,
    saga,
    inTurn,
    recovery,
    call,
    place: (request: OrderRequest, timeoutMs?: number) => place(request, call(timeoutMs)),
    cancel: (id: string, { reason = "", etag = "" } = {}) => cancel({ id, reason, etag }, call()),
    /** Waits for deferred work. */
    idle: () => inTurn.idle(),
    eventTypes: () => events.map(({ type }) => type),
    /** Simulates the death of the process: its state stays as it is. */
    stop: () => stop.abort(),
  };
}

export type TestOrders = Awaited<ReturnType<typeof createTestOrders>>;

// Unique in a test file, so that a restarted process does not reuse ids.
let nextId = 1;

export interface TestUsers extends UserClient {
  fail?: ConnectError | undefined;
  calls: number;
}

export function createTestUsers(): TestUsers {
  const users: TestUsers = {
    calls: 0,
    async validateUser({ userId = "" }) {
      users.calls++;
      if (users.fail !== undefined) throw users.fail;
      if (userId === "unknown-user") throw new ConnectError("no such user", Code.NotFound);
      const valid = userId !== "barred";
      return create(ValidateUserResponseSchema, { valid, name: "Alice Johnson", email: "alice@example.com" });
    },
  };
  return users;
}

/** The log, and a list of the events committed to it. */
function alsoInto(committed: NewEvent[], log: EventLog): EventLog {
  return {
    ...log,
    append(transaction, event) {
      transaction.onCommit(() => committed.push(event));
      return log.append(transaction, event);
    },
  };
}
