import { create } from "@bufbuild/protobuf";
import { StockChangedSchema, StockLowSchema } from "@parley/gen/event/v1/event_pb.js";
import { createTestClock } from "@parley/rpc/testing";
import { type Database, insertRows } from "@parley/store";
import { openTestDatabase, testDatabasesIdle } from "@parley/store/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { EventLog, LoggedEvent, NewEvent } from "../event-log.ts";
import { eventTypes } from "../event-types.ts";
import { pruneLog } from "../relay/prune-log.ts";
import { createEventLog } from "./create-event-log.ts";
import { eventMigrations } from "./event-migrations.ts";
import { encodePosition, PositionGoneError, UnreadablePositionError } from "./position.ts";

const clock = createTestClock();
let database: Database;
let log: EventLog;
let stop: AbortController;
let ids = 0;

beforeEach(async () => {
  database = await openTestDatabase({ migrations: eventMigrations });
  log = createEventLog({
    database,
    source: "/services/product",
    environment: { clock, newId: () => `event-${++ids}` },
    watchOnlyTypes: [eventTypes.stockLow],
  });
  stop = new AbortController();
});

afterEach(async () => {
  stop.abort();
  await database.close();
});

function stockChanged(productId: string, stock: number): NewEvent {
  return {
    type: eventTypes.stockChanged,
    subject: productId,
    partitionKey: productId,
    payload: { case: "stockChanged", value: create(StockChangedSchema, { productId, stock, delta: -1 }) },
  };
}

async function append(...events: readonly NewEvent[]): Promise<void> {
  // With a database server, the start position of a new watch is known only after a query.
  await testDatabasesIdle();
  await database.transaction(async (transaction) => {
    for (const event of events) {
      await log.append(transaction, event);
    }
  });
}

function watch(afterPosition?: string): AsyncIterator<LoggedEvent> {
  return log
    .watch({
      types: [eventTypes.stockChanged],
      signal: stop.signal,
      ...(afterPosition === undefined ? {} : { afterPosition }),
    })
    [Symbol.asyncIterator]();
}

async function take(watcher: AsyncIterator<LoggedEvent>, count: number): Promise<LoggedEvent[]> {
  const taken: LoggedEvent[] = [];
  while (taken.length < count) {
    const next = await watcher.next();
    if (next.done === true) {
      break;
    }
    taken.push(next.value);
  }
  return taken;
}

const stocks = (events: readonly LoggedEvent[]) =>
  events.map(({ event }) => (event.payload.case === "stockChanged" ? event.payload.value.stock : undefined));

test("an event has its source, time, sequence, and the call that caused it", async () => {
  const watcher = watch();
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await append({ ...stockChanged("101", 4), cause: { requestId: "request-1", traceparent } });
  const [logged] = await take(watcher, 1);
  expect(logged?.event).toMatchObject({
    id: `event-${ids}`,
    source: "/services/product",
    type: "parley.stock.changed.v1",
    subject: "101",
    partitionKey: "101",
    sequence: 1n,
    requestId: "request-1",
    traceparent,
    time: { seconds: BigInt(clock.now() / 1000) },
  });
});

test("a watcher without a position gets events from the call on, in order", async () => {
  await append(stockChanged("101", 9));
  const watcher = watch();
  await append(stockChanged("101", 8), stockChanged("102", 7));
  await append(stockChanged("101", 6));
  expect(stocks(await take(watcher, 3))).toEqual([8, 7, 6]);
});

test("a commit wakes a waiting watcher", async () => {
  const watcher = watch();
  const next = watcher.next();
  await clock.settle();
  await append(stockChanged("101", 5));
  expect((await next).value?.event.sequence).toBe(1n);
});

test("an event of a failed transaction is never delivered", async () => {
  const watcher = watch();
  const failed = database.transaction(async (transaction) => {
    await log.append(transaction, stockChanged("101", 1));
    throw new Error("rolled back");
  });
  await expect(failed).rejects.toThrow("rolled back");
  await append(stockChanged("101", 2));
  expect(stocks(await take(watcher, 1))).toEqual([2]);
});

test("a watcher resumes after its last position with no gap and no repeat, over many batches", async () => {
  const total = 2500;
  await append(...Array.from({ length: total }, (_, index) => stockChanged("101", index)));
  const seen: (number | undefined)[] = [];
  let position = encodePosition(0);
  while (seen.length < total) {
    const part = await take(watch(position), Math.min(333, total - seen.length));
    seen.push(...stocks(part));
    position = part.at(-1)?.position ?? position;
  }
  expect(seen).toEqual(Array.from({ length: total }, (_, index) => index));
});

test("events of other types are skipped, however many there are", async () => {
  const watcher = watch();
  await database.transaction(async (transaction) => {
    const rows = Array.from({ length: 2500 }, () => ["other", 0, new Uint8Array()]);
    await insertRows(transaction, { into: "INSERT INTO event_log (type, create_time, event)", rows });
    await transaction.run("UPDATE event_log_head SET last_sequence = 2500");
  });
  await append(stockChanged("101", 3));
  expect(stocks(await take(watcher, 1))).toEqual([3]);
});

test("a watcher gets events that another process appended", async () => {
  const watcher = watch();
  const next = watcher.next();
  await clock.settle();
  const other = createEventLog({ database, source: "/services/product", environment: { clock, newId: () => "other" } });
  await database.transaction((transaction) => other.append(transaction, stockChanged("101", 1)));
  await clock.advance(1000);
  expect((await next).value?.event.id).toBe("other");
});

test("watchers at the end of the log get the same events, and share one read", async () => {
  let reads = 0;
  const counting: Database = {
    transaction: (work) => database.transaction(work),
    get: (sql, ...parameters) => database.get(sql, ...parameters),
    all(sql, ...parameters) {
      reads++;
      return database.all(sql, ...parameters);
    },
    close: () => database.close(),
  };
  log = createEventLog({ database: counting, source: "/services/product", environment: { clock, newId: () => "id" } });
  const watchers = Array.from({ length: 50 }, () => watch());
  const first = watchers.map((watcher) => take(watcher, 1));
  await clock.settle();
  await append(stockChanged("101", 1));
  await Promise.all(first);
  reads = 0;
  const second = watchers.map((watcher) => take(watcher, 3));
  await clock.settle();
  await append(stockChanged("101", 2), stockChanged("101", 3));
  await append(stockChanged("101", 4));
  expect(await Promise.all(second.map(async (events) => stocks(await events)))).toEqual(Array(50).fill([2, 3, 4]));
  expect(reads).toBeLessThan(10);
});

test("an aborted watcher ends, whether it waits or not", async () => {
  const waiting = watch();
  const next = waiting.next();
  await clock.settle();
  stop.abort();
  expect(await next).toEqual({ done: true, value: undefined });
  expect(await watch().next()).toEqual({ done: true, value: undefined });
});

test("a position whose later events were pruned is refused", async () => {
  await append(stockChanged("101", 1), stockChanged("101", 2), stockChanged("101", 3));
  await prune(2);
  await expect(watch(encodePosition(1)).next()).rejects.toThrow(PositionGoneError);
  expect(stocks(await take(watch(encodePosition(2)), 1))).toEqual([3]);
});

/** Prunes the oldest events, as if they were done and old. */
async function prune(count: number): Promise<void> {
  await database.transaction(async (transaction) => {
    await transaction.run("DELETE FROM event_waiting WHERE sequence <= ?", count);
    await transaction.run("UPDATE event_log SET create_time = 0 WHERE sequence <= ?", count);
  });
  await pruneLog(database, { beforeMs: clock.now() - 1, nowMs: clock.now() });
}

test("a quiet watcher's position stays valid while none of its own events is pruned", async () => {
  const stockLow = (productId: string) => ({
    type: eventTypes.stockLow,
    subject: productId,
    partitionKey: productId,
    payload: {
      case: "stockLow" as const,
      value: create(StockLowSchema, { productId, productName: "", stock: 1, lowStockThreshold: 1 }),
    },
  });
  // The watcher last saw 1. Many events of other watchers follow, and then one of its own.
  await append(stockChanged("101", 1), stockLow("101"));
  await append(...Array.from({ length: 1_500 }, (_, number) => stockChanged("102", number)));
  await append(stockChanged("101", 2), stockChanged("102", 9_999));
  const watchOf = (
    audiences: readonly string[],
    position = encodePosition(1),
    types: readonly string[] = [eventTypes.stockChanged],
  ) => log.watch({ types, audiences, afterPosition: position, signal: stop.signal })[Symbol.asyncIterator]();

  await prune(1_502);
  expect(stocks(await take(watchOf(["101"]), 1))).toEqual([2]);
  expect(stocks(await take(watchOf(["101", "103"]), 1))).toEqual([2]);
  // Watchers that did miss an event get an error: of another product, of all products, or of another type of the same product.
  for (const missed of [["102"], ["101", "102"], []]) {
    await expect(watchOf(missed).next()).rejects.toThrow(PositionGoneError);
  }
  await expect(watchOf(["101"], encodePosition(1), [eventTypes.stockLow]).next()).rejects.toThrow(PositionGoneError);
  await expect(watchOf(["101"], encodePosition(0)).next()).rejects.toThrow(PositionGoneError);

  await prune(1_503);
  await expect(watchOf(["101"]).next()).rejects.toThrow(PositionGoneError);
});

test("for events pruned by an earlier release only the position is known", async () => {
  await append(stockChanged("101", 1), stockChanged("101", 2));
  await database.transaction((transaction) =>
    transaction.run("UPDATE event_log_pruned SET through_sequence = 2, unlisted_through_sequence = 2"),
  );
  const watchAll = { types: [eventTypes.stockChanged], audiences: ["999"], signal: stop.signal };
  const after = (sequence: number) =>
    log.watch({ ...watchAll, afterPosition: encodePosition(sequence) })[Symbol.asyncIterator]();
  await expect(after(1).next()).rejects.toThrow(PositionGoneError);
});

test.each(
  ["nonsense", "", "czE", encodePosition(-1), encodePosition(1.5), encodePosition(99), "🦊", "x".repeat(5000)].filter(
    Boolean,
  ),
)("%s is not a position", async (position) => {
  await expect(watch(position === "czE" ? "czE=" : position).next()).rejects.toThrow(UnreadablePositionError);
});

test("a type that does not match the payload is refused", async () => {
  await expect(append({ ...stockChanged("101", 1), type: eventTypes.stockLow })).rejects.toThrow(TypeError);
  await expect(append({ ...stockChanged("101", 1), payload: { case: undefined } })).rejects.toThrow(TypeError);
});
