import { sleep } from "@parley/rpc";
import { type Database, RunAgainError, StoreUnavailableError, type Transaction } from "@parley/store";
import type { Faults } from "./faults.ts";
import type { Life } from "./life.ts";
import type { PassPoint } from "./points.ts";
import type { Randomness } from "./randomness.ts";
import { inSharedWork } from "./shared-work.ts";
import type { SimulatedTime } from "./simulated-time.ts";

/** The server rolled back a transaction because its client process crashed. */
class ConnectionLostError extends Error {
  override readonly name = "ConnectionLostError";
}

/** The server rolled back a transaction because of another one (SQLSTATE 40001). */
export class SerializationFailure extends Error {
  override readonly name = "SerializationFailure";
}

export interface ConnectionOptions {
  readonly life: Life;
  readonly time: SimulatedTime;
  readonly random: Randomness;
  /** The current faults. */
  readonly faults: () => Faults;
  readonly passPoint: PassPoint;
  /** Whether a transaction that the server rolled back runs again. Default: true. */
  readonly runsAgain?: boolean;
}

/** As in the store's client of PostgreSQL. */
const triesMax = 8;
/** The longest wait before a transaction runs again, in milliseconds. */
const againMsMax = 50;

/**
 * A process's connection to a shared database server, which survives the crash of a process: the server rolls back that
 * process's uncommitted transactions and sends it no response. A transaction is atomic. Sometimes the server rolls it back for another one, and
 * sometimes the connection is lost during COMMIT. The server has a clock of its own, which is right.
 */
export function connectionTo(database: Database, options: ConnectionOptions): Database {
  const { life, time, random, faults, passPoint, runsAgain = true } = options;

  const sharedWork = inSharedWork(overConnection);

  /** Forwards the result of a request while its caller is alive. */
  function answered<T>(outcome: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      outcome.then(
        (answer) => life.whenRunning(() => resolve(answer)),
        (error) => life.whenRunning(() => reject(error)),
      );
    });
  }

  function checkAlive(): void {
    if (!life.isAlive) throw new ConnectionLostError(`${life.name} is gone`);
  }

  function overConnection(transaction: Transaction): Transaction {
    return {
      async all(sql, ...parameters) {
        checkAlive();
        return await transaction.all(sql, ...parameters);
      },
      async get(sql, ...parameters) {
        checkAlive();
        return await transaction.get(sql, ...parameters);
      },
      async run(sql, ...parameters) {
        checkAlive();
        return await transaction.run(sql, ...parameters);
      },
      isShared: true,
      now: async () => time.now(),
      beforeCommit: (work, item) => transaction.beforeCommit(sharedWork(work), item),
      onCommit: (callback) => transaction.onCommit(() => life.whenRunning(callback)),
    };
  }

  async function tryOnce<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const isLost = random.chance(faults().unknownCommit);
    const isRolledBack = isLost ? random.chance(0.5) : random.chance(faults().serializationFailure);
    const lost = () => new StoreUnavailableError("unknown-outcome", "The connection was lost during COMMIT.");
    const answer = await database.transaction(async (transaction) => {
      checkAlive();
      const answer = await work(overConnection(transaction));
      passPoint(life, "commit");
      checkAlive();
      if (isRolledBack) throw isLost ? lost() : new SerializationFailure("could not serialize access");
      return answer;
    });
    passPoint(life, "committed");
    if (isLost) throw lost();
    return answer;
  }

  return {
    isShared: true,
    all: (sql, ...parameters) => answered(database.all(sql, ...parameters)),
    get: (sql, ...parameters) => answered(database.get(sql, ...parameters)),
    async transaction(work) {
      for (let tries = 1; ; tries++) {
        try {
          return await answered(tryOnce(work));
        } catch (error) {
          const isRolledBack = error instanceof SerializationFailure || error instanceof RunAgainError;
          if (!isRolledBack || !runsAgain) throw error;
          if (tries === triesMax) throw new StoreUnavailableError("contended", error.message, { cause: error });
        }
        await sleep(life.clock, againMsMax * random.next());
      }
    },
    close: () => Promise.resolve(),
  };
}
