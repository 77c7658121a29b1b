import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import type { Database, SharedWork, Transaction } from "@parley/store";
import { sharing } from "../world/failing-database.ts";
import { serviceNames } from "../world/seams.ts";
import { inSharedWork } from "../world/shared-work.ts";
import { readLevels, reserveFrom, withCarelessReserve } from "./careless-inventory.ts";
import { createInTurn } from "./in-turn.ts";
import type { PlantedBug } from "./planted-bug.ts";
import { type AnyUnary, replaceMethod } from "./replace-method.ts";
import { sharingTransaction } from "./rewritten-statements.ts";

/** Code that is right in the only process of a service, and wrong beside a second one. */
export const replicaBugs: readonly PlantedBug[] = [
  {
    name: "stock is read and written under a lock of the process, which another replica does not have",
    replicated: ["product"],
    seams: {
      module(module, parts) {
        if (parts.service !== "product") return module;
        const lock = createInTurn();
        return withCarelessReserve(module, parts, (tools, run) =>
          lock("stock", async () => {
            const levels = await readLevels(tools, parts.database);
            await run((transaction) => reserveFrom(levels, tools, transaction));
          }),
        );
      },
    },
    breaks: ["stock-balance"],
  },
  {
    name: "request ids of restocks are remembered in the memory of the process",
    replicated: ["product"],
    seams: {
      module: (module, { service }) =>
        service !== "product" ? module : replaceMethod(module, InventoryService.method.updateStock, rememberInMemory),
    },
    breaks: ["stock-balance"],
  },
  {
    name: "due notifications are sent without a claim",
    replicated: ["notification"],
    seams: {
      database: (database, { service }) =>
        service !== "notification" ? database : { ...plain(database), isShared: false },
    },
    breaks: ["mail"],
  },
  {
    name: "claims on notifications use the replicas' own clocks",
    replicated: ["notification"],
    faults: { clockSkewMsMax: 2 * 60 * 60_000, slowMail: 0.3 },
    seams: {
      database: (database, { service, environment: { clock } }) =>
        service !== "notification"
          ? database
          : withTransactions(database, (transaction) => ({ ...transaction, now: async () => clock.now() })),
    },
    breaks: ["mail", "notification"],
  },
  {
    name: "the sequence of events is counted in the memory of the process",
    replicated: serviceNames,
    seams: { database: (database) => countingInMemory(database) },
    breaks: ["broken"],
  },
  {
    name: "a serialization failure is passed on instead of running the transaction again",
    replicated: serviceNames,
    seams: { passesOnSerializationFailures: true },
    breaks: ["broken"],
  },
  {
    name: "each service's database has an asynchronous standby of its own, and they fail over together",
    replicated: serviceNames,
    losesTail: true,
    seams: { lagsApart: true },
    breaks: ["stock-balance", "reservation", "events", "notification", "acknowledged"],
  },
  {
    name: "calls in flight are delivered after a failover that lost their orders",
    replicated: serviceNames,
    losesTail: { atMs: 1_000, lagMs: 900 },
    faults: { slow: 0.5 },
    seams: { deliversAcrossFailover: true },
    breaks: ["reservation"],
  },
];

function rememberInMemory(original: AnyUnary): AnyUnary {
  const answers = new Map<string, Promise<unknown>>();
  return (request, context) => {
    const { requestId } = request;
    const known = answers.get(requestId);
    if (known !== undefined) return known;
    const answer = original({ ...request, requestId: "" }, context);
    answers.set(requestId, answer);
    // A failed one may be retried.
    answer.catch(() => answers.delete(requestId));
    return answer;
  };
}

function countingInMemory(database: Database): Database {
  let last: number | undefined;
  return withTransactions(database, (transaction) => ({
    ...transaction,
    async get<R extends object>(sql: string, ...parameters: readonly (string | number)[]) {
      if (!sql.startsWith("UPDATE event_log_head")) return await transaction.get<R>(sql, ...parameters);
      const row = await transaction.get<{ last: number | null }>("SELECT MAX(sequence) AS last FROM event_log");
      last = (last ?? row?.last ?? 0) + Number(parameters[0]);
      return { last_sequence: last } as unknown as R;
    },
  }));
}

/** The database with other transactions, in bodies and in shared work. */
function withTransactions(database: Database, change: (transaction: Transaction) => Transaction): Database {
  function changed(transaction: Transaction): Transaction {
    const passedOn = {
      ...sharingTransaction(transaction),
      all: transaction.all.bind(transaction),
      get: transaction.get.bind(transaction),
      run: transaction.run.bind(transaction),
      beforeCommit: <T>(work: SharedWork<T>, item: T) => transaction.beforeCommit(sharedWork(work), item),
      onCommit: (callback: () => void) => transaction.onCommit(callback),
    };
    return change(passedOn);
  }
  const sharedWork = inSharedWork(changed);
  return {
    ...plain(database),
    transaction: (work) => database.transaction((transaction) => work(changed(transaction))),
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
