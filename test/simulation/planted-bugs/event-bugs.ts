import { fromBinary } from "@bufbuild/protobuf";
import { EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { EventService } from "@parley/gen/event/v1/event_service_pb.js";
import { sleep } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import type { Database } from "@parley/store";
import { sharing } from "../world/failing-database.ts";
import type { Parts } from "../world/seams.ts";
import type { PlantedBug } from "./planted-bug.ts";
import { replaceMethod } from "./replace-method.ts";

/** The event-loop turns that a disk needs to make a commit durable. */
const diskTurns = 3;

/** Bugs that lose or repeat events, or that lose acknowledged ones. */
export const eventBugs: readonly PlantedBug[] = [
  {
    name: "events are published by the request itself after its commit, with no relay",
    seams: {
      broker: () => undefined,
      database: (database, parts) => (parts.service === "order" ? publishingDatabase(database, parts) : database),
    },
    breaks: ["notification"],
    isFoundByCrashes: true,
  },
  {
    name: "the consumer acknowledges an event although its handler threw",
    seams: {
      module: (module, { service }) =>
        service !== "notification"
          ? module
          : replaceMethod(module, EventService.method.deliver, (deliver) => async (request, context) => {
              await deliver(request, context).catch(() => {});
              return { failures: [] };
            }),
    },
    breaks: ["notification"],
  },
  {
    name: "an event is marked as done when it is published, not when its effect is durable",
    seams: {
      broker: (broker) => ({
        ...broker,
        async publish(events, signal) {
          broker.publish(events, signal).catch(() => {});
          return [];
        },
      }),
    },
    breaks: ["notification"],
  },
  {
    name: "the consumer has no inbox, so that a repeated event takes effect again",
    seams: {
      module(module, { service, environment }) {
        if (service !== "notification") return module;
        return replaceMethod(
          module,
          EventService.method.deliver,
          (deliver) => (request, context) =>
            // Defeats the inbox: every event gets a new id.
            deliver(
              { ...request, events: request.events.map((event: object) => ({ ...event, id: environment.newId() })) },
              context,
            ),
        );
      },
    },
    breaks: ["notification"],
  },
  {
    name: "fsync is called on another file than the one that commits are written to",
    seams: { syncedPath: (path) => path.replace(/-wal$/, "") },
    breaks: ["acknowledged", "reservation", "stock-balance", "notification", "request-id", "mail"],
  },
  {
    name: "a transaction is answered before it is durable",
    seams: {
      database: (database, { environment }) => ({
        ...plain(database),
        transaction: (work) =>
          new Promise((resolve, reject) => {
            const early: typeof work = async (transaction) => {
              const answer = await work(transaction);
              resolve(answer);
              // The simulated disk commits at once. A real one leaves time in which later turns send messages.
              for (let turn = 0; turn < diskTurns; turn++) await sleep(environment.clock, 0);
              return answer;
            };
            database.transaction(early).catch(reject);
          }),
      }),
    },
    breaks: ["acknowledged", "reservation", "stock-balance", "notification", "request-id"],
    isFoundByCrashes: true,
  },
];

/** A database that publishes each transaction's events once, after its commit. */
function publishingDatabase(database: Database, { connect, environment, life }: Omit<Parts, "database">): Database {
  const notification = createServiceClient(EventService, connect("notification"), { environment });
  let through: number | undefined;

  async function publish(): Promise<void> {
    if (!life.isAlive) return;
    const after = through ?? 0;
    const rows = await database.all<{ sequence: number; event: Uint8Array }>(
      "SELECT sequence, event FROM event_log WHERE sequence > ? ORDER BY sequence",
      after,
    );
    const last = rows.at(-1)?.sequence ?? after;
    if (last <= (through ?? 0)) return;
    through = last;
    const events = rows.map(({ event }) => fromBinary(EventSchema, event));
    await database.transaction((transaction) => transaction.run("DELETE FROM event_waiting WHERE sequence <= ?", last));
    await notification.deliver({ events });
  }

  return {
    ...plain(database),
    async transaction(work) {
      if (through === undefined) {
        // Skips events of earlier processes.
        const row = await database.get<{ last: number | null }>("SELECT MAX(sequence) AS last FROM event_log");
        through = row?.last ?? 0;
        await database.transaction((transaction) => transaction.run("DELETE FROM event_waiting"));
      }
      const answer = await database.transaction(work);
      publish().catch(() => {});
      return answer;
    },
  };
}

function plain(database: Database): Database {
  return {
    ...sharing(database),
    all: (sql, ...parameters) => database.all(sql, ...parameters),
    get: (sql, ...parameters) => database.get(sql, ...parameters),
    transaction: (work) => database.transaction(work),
    close: () => database.close(),
  };
}
