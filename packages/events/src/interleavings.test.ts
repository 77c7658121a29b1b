import { systemEnvironment } from "@parley/rpc";
import type { Database } from "@parley/store";
import { describeInterleavings, type Operation } from "@parley/store/testing";
import { expect } from "vitest";
import { pruneInbox } from "./inbox/prune-inbox.ts";
import { createEventLog, createInbox, eventMigrations, inboxMigrations, partitionCount } from "./index.ts";
import { eventMessage } from "./log/event-message.ts";
import { createLeases } from "./relay/leases.ts";
import { markDone } from "./relay/outbox.ts";
import { pruneLog } from "./relay/prune-log.ts";
import { orderConfirmed } from "./testing/index.ts";

const leaseMs = 10_000;
const event = (id: string) => eventMessage(orderConfirmed(id), { id, source: "/services/order", timeMs: 1 });

function replica(database: Database, name: "a" | "b") {
  const environment = systemEnvironment({ name: "events", logLevel: "silent" });
  const { clock } = environment;
  const log = createEventLog({ database, source: "/services/order", environment });
  const inbox = createInbox({
    database,
    environment,
    maxAttempts: 2,
    handlers: {
      async orderConfirmed(_, { event: { id }, transaction }) {
        await transaction.run("INSERT INTO effects (event_id) VALUES (?)", id);
        if (id === "bad") throw new Error("cannot be handled");
      },
    },
  });
  return { name, database, log, inbox, leases: createLeases({ database, clock, owner: name, leaseMs }) };
}

type Replica = ReturnType<typeof replica>;

const delivering = (...ids: readonly string[]) => ({
  run: async ({ inbox }: Replica) => (await inbox.deliver(ids.map(event))).length,
});
const appending = (...orders: readonly string[]) => ({
  run: ({ name, database, log }: Replica) =>
    database.transaction(async (transaction) => {
      for (const order of orders) await log.append(transaction, orderConfirmed(`${order}-${name}`));
    }),
});
const partlySerial = "the share of each replica depends on how many replicas it finds";

/** One old event of the log is done, the other one waits; dead-1 is a dead letter; bad has failed once. */
const operations: readonly Operation<Replica>[] = [
  { name: "append an event", ...appending("one") },
  { name: "append two events", ...appending("two", "three") },
  {
    name: "mark an event as done",
    run: async ({ database }) => markDone(database, [await first(database)]),
  },
  {
    name: "prune the log",
    run: ({ database }) => pruneLog(database, { beforeMs: 1_000, nowMs: Date.now() }),
  },
  { name: "deliver two events", ...delivering("e1", "e2") },
  { name: "deliver one of them again", ...delivering("e2") },
  { name: "deliver them in the other order", ...delivering("e2", "e1") },
  { name: "deliver an event that fails", ...delivering("bad") },
  {
    name: "redrive a dead letter",
    run: async ({ inbox }) => (await inbox.redriveDeadLetters(["dead-1"])).deliveredEventIds.length,
  },
  {
    name: "prune the inbox",
    run: ({ database }) => pruneInbox(database, { nowMs: Date.now(), retentionMs: 1_000_000 }),
  },
  {
    name: "renew the leases",
    notSerial: partlySerial,
    run: async ({ leases }) => ({ partitions: await leases.renew() }),
  },
  { name: "release the leases", notSerial: partlySerial, run: ({ leases }) => leases.release() },
];

async function first(database: Database): Promise<number> {
  const row = await database.get<{ first: number }>("SELECT MIN(sequence) AS first FROM event_waiting");
  return row?.first ?? 0;
}

async function reset(database: Database): Promise<void> {
  const { log, inbox } = replica(database, "a");
  await database.transaction(async (transaction) => {
    const emptied = ["effects", "inbox_events", "inbox_failures", "dead_letters", "event_waiting", "event_log"];
    for (const table of [...emptied, "event_leases", "event_publishers", "event_log_pruned_audience"]) {
      await transaction.run(`DELETE FROM ${table}`);
    }
    // A third replica has most partitions, so that few statements are left.
    for (let partition = 3; partition < partitionCount; partition++) {
      await transaction.run("INSERT INTO event_leases VALUES (?, 'c', ?)", partition, Date.now() + leaseMs);
    }
    await log.append(transaction, orderConfirmed("done"), orderConfirmed("waiting"));
  });
  const waiting = await first(database);
  await database.transaction(async (transaction) => {
    await transaction.run("DELETE FROM event_waiting WHERE sequence = ?", waiting);
    await transaction.run("UPDATE event_log SET create_time = 1");
    for (const id of ["done", "waiting"]) await transaction.run("INSERT INTO inbox_events VALUES ('/old', ?, 1)", id);
  });
  await inbox.deliver([event("bad")]);
  for (let attempt = 0; attempt < 2; attempt++) await inbox.deliver([{ ...event("bad"), id: "bad", source: "/dead" }]);
  await database.transaction((transaction) =>
    transaction.run("UPDATE dead_letters SET event_id = 'dead-1' WHERE source = '/dead'"),
  );
}

async function observe(database: Database) {
  const log = await database.all("SELECT type, create_time FROM event_log ORDER BY sequence");
  const waiting = await database.all("SELECT partition_key FROM event_waiting ORDER BY sequence");
  const effects = await database.all("SELECT event_id FROM effects ORDER BY event_id");
  const inbox = await database.all("SELECT source, event_id FROM inbox_events ORDER BY source, event_id");
  const failures = await database.all("SELECT source, event_id, attempts FROM inbox_failures ORDER BY event_id");
  const deadLetters = await database.all("SELECT event_id, attempts FROM dead_letters ORDER BY event_id");
  const leases = await database.all("SELECT owner, COUNT(*) AS count FROM event_leases GROUP BY owner ORDER BY owner");
  return { log: log.length, waiting, effects, inbox, failures, deadLetters, leases };
}

describeInterleavings<Replica>("the operations on events", {
  migrations: [
    ...eventMigrations,
    ...inboxMigrations,
    {
      id: "effects/0001-effects",
      sql: "CREATE TABLE effects (number INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL)",
    },
  ],
  replica,
  reset,
  observe,
  invariant({ outcomes, state }) {
    const owned = outcomes.flatMap(
      (outcome) => (outcome as { partitions?: readonly number[] } | null)?.partitions ?? [],
    );
    expect(new Set(owned).size, `leased partitions: ${owned}`).toBe(owned.length);
    for (const outcome of outcomes) expect((outcome as { refused?: string } | null)?.refused).toBeUndefined();
    const effects = state.effects.map(({ event_id }: { event_id: string }) => event_id);
    expect(new Set(effects).size, `effects: ${effects}`).toBe(effects.length);
  },
  watched: { event_log: "without gaps" },
  operations,
});
