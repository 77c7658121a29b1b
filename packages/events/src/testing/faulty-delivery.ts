import { clone } from "@bufbuild/protobuf";
import { type Event, EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { createTestClock, type TestClock } from "@parley/rpc/testing";
import type { Database } from "@parley/store";
import { type CrashableDatabase, createCrashableDatabase } from "@parley/store/testing";
import { type Broker, BrokerUnavailableError } from "../broker/broker.ts";
import { createInbox } from "../inbox/create-inbox.ts";
import type { Inbox } from "../inbox/inbox.ts";
import { inboxMigrations } from "../inbox/inbox-migrations.ts";
import { createEventLog } from "../log/create-event-log.ts";
import { eventMigrations } from "../log/event-migrations.ts";
import { createRelay } from "../relay/create-relay.ts";
import { seededRandom } from "./seeded-random.ts";
import { publishedEvents } from "./sent-events.ts";
import { orderConfirmed, testEnvironment } from "./test-parts.ts";

/** A bug to plant, to prove the checks. */
export type PlantedBug = "marks-before-effect" | "effect-without-inbox" | "acknowledges-failures";

/** The violations found in a run. Empty: none. */
export interface FaultyRun {
  readonly violations: readonly string[];
  readonly appended: number;
  readonly crashes: number;
}

/** Steps of 100 ms with faults, then at most this many without, in which everything must arrive. */
const faultySteps = 200;
const quietSteps = 600;
/** The failure rate of a handler, so that some events become dead letters in other tests and none here. */
const handlerFailureShare = 0.1;

/**
 * Runs a source and a sink that crash at any point of a commit, over a network that loses, delays and duplicates requests and
 * answers, and then checks: each acknowledged event had exactly one effect, those of a key in order, and
 * no uncommitted event had an effect.
 */
export async function runFaultyDelivery(seed: number, bug?: PlantedBug): Promise<FaultyRun> {
  const random = seededRandom(seed);
  const clock = createTestClock();
  const environment = { ...testEnvironment(clock), random };
  let faulty = true;
  let crashes = 0;
  let appended = 0;
  const acknowledged: string[] = [];

  function crashSometimes(process: () => Crashing) {
    return () => {
      if (faulty && random() < 0.01) {
        process().crash();
      }
    };
  }

  // The disks report each step of a commit, at which they can be made to crash.
  const source: Crashing = crashing(
    createCrashableDatabase({ migrations: eventMigrations, clock, atPoint: crashSometimes(() => source) }),
    (database) => {
      const log = createEventLog({ database, source: "/services/order", environment });
      const state = { alive: true };
      const relay = createRelay({ database, log, broker: faultyBroker(state), environment, replica: "source" });
      relay.start();
      return { state, log };
    },
  );
  const effects = "CREATE TABLE effects (number INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT, text TEXT NOT NULL)";
  const sink: Crashing = crashing(
    createCrashableDatabase({
      migrations: [...inboxMigrations, { id: "0001-effects", sql: effects }],
      clock,
      atPoint: crashSometimes(() => sink),
    }),
    (database) => ({ state: { alive: true }, inbox: openInbox(database) }),
  );

  function openInbox(database: Database): Inbox {
    return createInbox({
      database,
      environment,
      maxAttempts: 1000,
      handlers: {
        async orderConfirmed({ userId }, { event, transaction }) {
          await transaction.run(
            "INSERT INTO effects (event_id, text) VALUES (?, ?)",
            event.id,
            `${event.subject} ${userId}`,
          );
          if (faulty && random() < handlerFailureShare) {
            throw new Error("temporary failure");
          }
        },
      },
    });
  }

  function faultyBroker(state: { readonly alive: boolean }): Broker {
    return {
      async publish(events) {
        if (bug === "marks-before-effect") {
          void overNetwork(publishedEvents(events)).catch(() => {});
          return [];
        }
        const failures = await overNetwork(publishedEvents(events));
        // A crashed process receives no response.
        return state.alive ? failures : new Promise(() => {});
      },
      async close() {},
    };
  }

  async function overNetwork(events: readonly Event[]) {
    const sent = events.map((event) => clone(EventSchema, event));
    await wait();
    lose("request");
    if (faulty && random() < 0.1) {
      void wait().then(() => sink.process?.inbox?.deliver(sent));
    }
    const answer = deliver(sent);
    const timedOut = new Promise<never>((_, reject) => clock.after(5000, () => reject(unavailable("time-out"))));
    const failures = await Promise.race([answer, timedOut]);
    await wait();
    lose("answer");
    return bug === "acknowledges-failures" ? [] : failures;
  }

  async function deliver(events: readonly Event[]) {
    const process = sink.process;
    if (process?.inbox === undefined) {
      throw unavailable("connection refused");
    }
    if (bug === "effect-without-inbox" && random() < 0.05) {
      await sink.database?.transaction(async (transaction) => {
        for (const { id, subject } of events) {
          await transaction.run("INSERT INTO effects (event_id, text) VALUES (?, ?)", id, `${subject} again`);
        }
      });
    }
    return process.inbox.deliver(events);
  }

  function wait(): Promise<void> {
    return new Promise((resolve) => clock.after(faulty ? random() * random() * 2000 : 1, resolve));
  }

  function lose(what: string) {
    if (faulty && random() < 0.1) {
      throw unavailable(`${what} lost`);
    }
  }

  function append() {
    const { database, process } = source;
    const log = process?.log;
    if (database === undefined || log === undefined) {
      return;
    }
    const text = `k${Math.floor(random() * 8)} ${++appended}`;
    const [key = "", number = ""] = text.split(" ");
    void database
      .transaction((transaction) => log.append(transaction, orderConfirmed(key, Number(number))))
      .then(() => acknowledged.push(text));
  }

  for (let step = 0; step < faultySteps; step++) {
    for (const process of [source, sink]) {
      if (process.database === undefined && random() < 0.2) {
        await process.start();
      } else if (random() < 0.01) {
        process.crash();
      }
    }
    if (random() < 0.5) {
      append();
    }
    await advance(clock, 100);
  }
  faulty = false;
  for (const process of [source, sink]) {
    crashes += process.crashes;
    if (process.database === undefined) {
      await process.start();
    }
  }
  const waiting = () => source.disk.inspect("SELECT sequence FROM event_waiting").length;
  for (let step = 0; step < quietSteps && waiting() > 0; step++) {
    await advance(clock, 100);
  }
  // Delayed and duplicated messages arrive too.
  await advance(clock, 10_000);

  const applied = sink.disk
    .inspect<{ text: string }>("SELECT text FROM effects ORDER BY number")
    .map(({ text }) => text);
  const committed = source.disk.inspect<{ sequence: number }>("SELECT sequence FROM event_log").length;
  const violations = findViolations({ applied, acknowledged, committed, waiting: waiting() });
  return { violations, appended, crashes };
}

function unavailable(message: string): Error {
  return new BrokerUnavailableError(message);
}

function findViolations(outcome: {
  readonly applied: readonly string[];
  readonly acknowledged: readonly string[];
  readonly committed: number;
  readonly waiting: number;
}): readonly string[] {
  const { applied, acknowledged, committed, waiting } = outcome;
  const violations: string[] = [];
  if (waiting > 0) {
    violations.push(`${waiting} events still wait`);
  }
  const once = new Set(applied);
  if (once.size !== applied.length || applied.length > committed) {
    violations.push(`${applied.length} effects of ${committed} events`);
  }
  for (const text of acknowledged.filter((text) => !once.has(text))) {
    violations.push(`${text} was acknowledged and lost`);
  }
  const last = new Map<string, number>();
  for (const text of applied) {
    const [key = "", number = ""] = text.split(" ");
    if (Number(number) < (last.get(key) ?? 0)) {
      violations.push(`${text} took effect after ${last.get(key)}`);
    }
    last.set(key, Number(number));
  }
  return violations;
}

/** The parts of a process. After a crash, its promises never settle. */
interface Running {
  readonly state: { alive: boolean };
  readonly log?: ReturnType<typeof createEventLog>;
  readonly inbox?: Inbox;
}

interface Crashing {
  readonly disk: CrashableDatabase;
  readonly database: Database | undefined;
  readonly process: Running | undefined;
  readonly crashes: number;
  start(): Promise<void>;
  crash(): void;
}

function crashing(disk: CrashableDatabase, run: (database: Database) => Running): Crashing {
  let database: Database | undefined;
  let process: Running | undefined;
  let crashes = 0;
  return {
    disk,
    get database() {
      return database;
    },
    get process() {
      return process;
    },
    get crashes() {
      return crashes;
    },
    async start() {
      database = await disk.open();
      process = run(database);
    },
    crash() {
      if (process !== undefined) {
        process.state.alive = false;
        crashes++;
      }
      disk.crash();
      database = undefined;
      process = undefined;
    },
  };
}

async function advance(clock: TestClock, durationMs: number) {
  await clock.advance(durationMs);
  for (let turn = 0; turn < 12; turn++) {
    await clock.settle();
  }
}
