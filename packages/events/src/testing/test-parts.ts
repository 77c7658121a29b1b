import { create } from "@bufbuild/protobuf";
import { OrderConfirmedSchema, StockLowSchema } from "@parley/gen/event/v1/event_pb.js";
import type { Clock, Environment } from "@parley/rpc";
import type { Database } from "@parley/store";
import { openTestDatabase } from "@parley/store/testing";
import { pino } from "pino";
import { Registry } from "prom-client";
import type { EventLog, NewEvent } from "../event-log.ts";
import { eventTypes } from "../event-types.ts";
import { createInbox } from "../inbox/create-inbox.ts";
import type { Inbox, InboxOptions } from "../inbox/inbox.ts";
import { inboxMigrations } from "../inbox/inbox-migrations.ts";
import { createEventLog } from "../log/create-event-log.ts";
import { eventMigrations } from "../log/event-migrations.ts";

/** An environment with this clock, numbered ids, and a random number that is always 0.5. */
export function testEnvironment(clock: Clock): Environment {
  let ids = 0;
  return {
    clock,
    newId: () => `id-${++ids}`,
    random: () => 0.5,
    log: pino({ level: "silent" }),
    metrics: new Registry(),
  };
}

/** A service that appends events. */
export interface TestSource {
  readonly database: Database;
  readonly log: EventLog;
  /** Appends events in one transaction. */
  append(...events: readonly NewEvent[]): Promise<void>;
  /** The number of waiting events. */
  waitingCount(): Promise<number>;
}

export async function openTestSource(environment: Environment, source = "/services/order"): Promise<TestSource> {
  const database = await openTestDatabase({ migrations: eventMigrations, clock: environment.clock });
  const log = createEventLog({ database, source, environment });
  return {
    database,
    log,
    append: (...events) =>
      database.transaction(async (transaction) => {
        for (const event of events) {
          await log.append(transaction, event);
        }
      }),
    async waitingCount() {
      const row = await database.get<{ count: number }>("SELECT COUNT(*) AS count FROM event_waiting");
      return row?.count ?? 0;
    },
  };
}

/** A service that records its events, once each. */
export interface TestSink {
  readonly database: Database;
  readonly inbox: Inbox;
  /** Events about these subjects fail, until removed from the set. */
  readonly failing: Set<string>;
  /** The effects so far, in order: `<subject> <number>`. */
  effects(): Promise<readonly string[]>;
}

export async function openTestSink(
  environment: Environment,
  options: Pick<InboxOptions, "maxAttempts"> = {},
): Promise<TestSink> {
  const effects = "CREATE TABLE effects (number INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL)";
  const database = await openTestDatabase({
    migrations: [...inboxMigrations, { id: "0001-effects", sql: effects }],
  });
  const failing = new Set<string>();
  const inbox = createInbox({
    database,
    environment,
    ...options,
    handlers: {
      async orderConfirmed({ userId }, { event, transaction }) {
        await transaction.run("INSERT INTO effects (text) VALUES (?)", `${event.subject} ${userId}`);
        if (failing.has(event.subject)) {
          throw new Error(`cannot handle ${event.subject}`);
        }
      },
    },
  });
  return {
    database,
    inbox,
    failing,
    async effects() {
      const rows = await database.all<{ text: string }>("SELECT text FROM effects ORDER BY number");
      return rows.map(({ text }) => text);
    },
  };
}

/** An OrderConfirmed event; the number distinguishes events of one order. */
export function orderConfirmed(orderId: string, number = 1): NewEvent {
  return {
    type: eventTypes.orderConfirmed,
    subject: orderId,
    partitionKey: orderId,
    payload: { case: "orderConfirmed", value: create(OrderConfirmedSchema, { orderId, userId: String(number) }) },
  };
}

/** A StockLow event, which the test sink ignores. */
export function stockLow(productId: string): NewEvent {
  return {
    type: eventTypes.stockLow,
    subject: productId,
    partitionKey: productId,
    payload: { case: "stockLow", value: create(StockLowSchema, { productId }) },
  };
}
