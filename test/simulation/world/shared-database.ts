import type { Database, Transaction } from "@parley/store";
import type { Life } from "./life.ts";
import type { PassPoint } from "./points.ts";

/** The server rolled back a transaction because its client process crashed. */
class ConnectionLostError extends Error {
  override readonly name = "ConnectionLostError";
}

/**
 * A process's connection to a shared database server, which survives the crash of a process: the server rolls back that
 * process's uncommitted transactions and sends it no response.
 */
export function connectionTo(
  database: Database,
  { life, passPoint }: { readonly life: Life; readonly passPoint: PassPoint },
): Database {
  /** Forwards the result of a request while its caller is alive. */
  function answered<T>(outcome: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      outcome.then(
        (answer) => life.isAlive && resolve(answer),
        (error) => life.isAlive && reject(error),
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
      beforeCommit: (work, item) => transaction.beforeCommit(work, item),
      onCommit(callback) {
        transaction.onCommit(() => {
          if (life.isAlive) callback();
        });
      },
    };
  }

  return {
    all: (sql, ...parameters) => answered(database.all(sql, ...parameters)),
    get: (sql, ...parameters) => answered(database.get(sql, ...parameters)),
    transaction: (work) =>
      answered(
        database
          .transaction(async (transaction) => {
            checkAlive();
            const answer = await work(overConnection(transaction));
            passPoint(life, "commit");
            checkAlive();
            return answer;
          })
          .then((answer) => {
            passPoint(life, "committed");
            return answer;
          }),
      ),
    close: () => Promise.resolve(),
  };
}
