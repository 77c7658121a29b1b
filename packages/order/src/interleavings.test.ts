import { createEventLog } from "@parley/events";
import { systemClock } from "@parley/rpc";
import type { Database } from "@parley/store";
import { describeInterleavings, type Operation } from "@parley/store/testing";
import { orderMigrations } from "./index.ts";
import { beginRelease, confirm, giveUp, type Order, placeOrder, refuse } from "./order.ts";
import { eventOf } from "./order-events.ts";
import { OrderStore } from "./order-store.ts";

const leaseMs = 10_000;
const line = { productId: "101", quantity: 1 };
const reserved = [{ ...line, productName: "Cup", unitPrice: { currencyCode: "USD", units: 1n, nanos: 0 } }];
const buyer = { userId: "1", userName: "Alice", userEmail: "alice@example.com", lines: [line] };
/** Created by replica a, and due. */
const standing = placeOrder({ ...buyer, id: "standing", requestId: "r1" }, 1);
const dueTimeMs = 5;

function replica(database: Database, name: "a" | "b") {
  const environment = { clock: systemClock, newId: () => crypto.randomUUID() };
  const events = createEventLog({ database, source: "/services/order", environment });
  return { name, store: new OrderStore({ database, events, clock: systemClock, owner: name }) };
}

type Replica = ReturnType<typeof replica>;

const moving = (after: Order, { ifUntouched = false } = {}) => ({
  run: ({ store }: Replica) =>
    store.move(after, { from: "RESERVING", leaseMs, event: eventOf(standing, after), ifUntouched }),
});

const operations: readonly Operation<Replica>[] = [
  {
    name: "insert an order with a new request id",
    run: ({ name, store }) => store.insert(placeOrder({ ...buyer, id: `new-${name}`, requestId: "r2" }, 1), leaseMs),
  },
  {
    name: "insert an order with the request id of another one",
    run: ({ name, store }) => store.insert(placeOrder({ ...buyer, id: `again-${name}`, requestId: "r1" }, 1), leaseMs),
  },
  { name: "confirm", ...moving(confirm(standing, reserved, 2)) },
  {
    name: "confirm, if no other process changed the order",
    ...moving(confirm(standing, reserved, 2), { ifUntouched: true }),
  },
  { name: "refuse", ...moving(refuse(standing, { reason: "INSUFFICIENT_STOCK", message: "none left" } as never, 2)) },
  { name: "give up", ...moving(giveUp(standing, "no answer", 2)) },
  { name: "begin to release", ...moving(beginRelease(standing, "no answer"), { ifUntouched: true }) },
  { name: "claim", run: ({ store }) => store.claim({ order: standing, dueTimeMs, attempts: 0 }, leaseMs) },
  { name: "join", run: ({ store }) => store.join(standing, leaseMs) },
  { name: "postpone", run: ({ store }) => store.postpone("standing", leaseMs) },
  { name: "remove", run: ({ store }) => store.remove("standing", "RESERVING") },
  { name: "adopt the orders from before a restart", run: ({ store }) => store.adopt() },
];

async function reset(database: Database): Promise<void> {
  await database.transaction(async (transaction) => {
    for (const table of ["event_waiting", "event_log", "orders"]) await transaction.run(`DELETE FROM ${table}`);
  });
  await replica(database, "a").store.insert(standing, 0);
  await database.transaction((transaction) => transaction.run("UPDATE orders SET due_time = ?", dueTimeMs));
}

async function observe(database: Database) {
  const due = `CASE WHEN due_time IS NULL THEN 'never' WHEN due_time = ${dueTimeMs} THEN 'as before' ELSE 'later' END`;
  const columns = `id, phase, request_id, revision, owner, attempts, ${due} AS due`;
  const orders = await database.all(`SELECT ${columns} FROM orders ORDER BY id`);
  const events = await database.all("SELECT type FROM event_log ORDER BY sequence");
  return { orders, events };
}

describeInterleavings<Replica>("the order service's operations", {
  migrations: orderMigrations,
  replica,
  reset,
  observe,
  watched: { event_log: "without gaps" },
  operations,
});
