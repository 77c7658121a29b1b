import { createTestClock } from "@parley/rpc/testing";
import { describeReplicas } from "@parley/store/testing";
import { expect, test } from "vitest";
import { createInbox } from "./inbox/create-inbox.ts";
import { inboxMigrations } from "./inbox/inbox-migrations.ts";
import { createEventLog } from "./log/create-event-log.ts";
import { eventMessage } from "./log/event-message.ts";
import { eventMigrations } from "./log/event-migrations.ts";
import { partitionCount } from "./log/partition.ts";
import { encodePosition } from "./log/position.ts";
import { createLeases } from "./relay/leases.ts";
import { orderConfirmed, testEnvironment } from "./testing/test-parts.ts";

describeReplicas("replicas that share an event log", (openReplicas) => {
  const clock = createTestClock();

  test("issue sequences without a gap, and a watcher of one replica sees the events of all, in order", async () => {
    await using replicas = await openReplicas(eventMigrations, 3);
    const logs = replicas.databases.map((database, index) => ({
      database,
      log: createEventLog({
        database,
        source: "/services/order",
        environment: { clock, newId: () => `${index}-${crypto.randomUUID()}` },
      }),
    }));
    const stop = new AbortController();
    const seen: number[] = [];
    const total = 3 * 100;
    const watching = (async () => {
      const options = { types: [orderConfirmed("x").type], afterPosition: encodePosition(0), signal: stop.signal };
      for await (const { event } of logs[0]?.log.watch(options) ?? []) {
        seen.push(Number(event.sequence));
        if (seen.length === total) return;
      }
    })();
    const ticking = setInterval(() => void clock.advance(1_000), 20);
    await Promise.all(
      logs.flatMap(({ database, log }) =>
        Array.from({ length: 100 }, (_, number) =>
          database.transaction((transaction) => log.append(transaction, orderConfirmed(`o${number}`))),
        ),
      ),
    );
    await watching;
    clearInterval(ticking);
    stop.abort();
    expect(seen).toEqual(Array.from({ length: total }, (_, index) => index + 1));
  });

  test("never publish one partition twice, even if their own clocks are wrong", async () => {
    await using replicas = await openReplicas(eventMigrations, 4);
    const hourMs = 60 * 60_000;
    const all = replicas.databases.map((database, index) => {
      // Clocks that are wrong by hours.
      const skewed = { ...clock, now: () => Date.now() + (index - 1) * hourMs };
      return createLeases({ database, clock: skewed, owner: `replica ${index}`, leaseMs: 60_000 });
    });
    for (let round = 0; round < 5; round++) {
      const held = await Promise.all(all.map((leases) => leases.renew()));
      const numbers = held.flat();
      expect(new Set(numbers).size).toBe(numbers.length);
    }
    const held = (await Promise.all(all.map((leases) => leases.renew()))).flat();
    expect(held.sort((a, b) => a - b)).toEqual(Array.from({ length: partitionCount }, (_, number) => number));
  });

  test("that receive the same events at the same time apply each once", async () => {
    const effects = "CREATE TABLE effects (number INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL)";
    await using replicas = await openReplicas([...inboxMigrations, { id: "0001-effects", sql: effects }], 2);
    const inboxes = replicas.databases.map((database) =>
      createInbox({
        database,
        environment: testEnvironment(clock),
        handlers: {
          async orderConfirmed(_, { event, transaction }) {
            await transaction.run("INSERT INTO effects (text) VALUES (?)", event.id);
          },
        },
      }),
    );
    const events = Array.from({ length: 40 }, (_, number) =>
      eventMessage(orderConfirmed(`o${number}`), { id: `e${number}`, source: "/services/order", timeMs: 1 }),
    );
    for (let at = 0; at < events.length; at += 10) {
      const part = events.slice(at, at + 10);
      const failures = await Promise.all(
        inboxes.map((inbox, index) => inbox.deliver(index === 0 ? part : part.toReversed())),
      );
      expect(failures).toEqual([[], []]);
    }
    const rows = (await replicas.databases[0]?.all<{ text: string }>("SELECT text FROM effects")) ?? [];
    expect(rows.map(({ text }) => text).sort()).toEqual(events.map(({ id }) => id).sort());
    expect(await replicas.databases[0]?.all("SELECT * FROM inbox_failures")).toEqual([]);
  });
});
