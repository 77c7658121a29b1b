import { type Database, StoreUnavailableError } from "@parley/store";

/** A database whose disk is full now and then: transactions are refused then, as a whole. */
export function failingDatabase(database: Database, fails: () => boolean): Database {
  return {
    all: (sql, ...parameters) => database.all(sql, ...parameters),
    get: (sql, ...parameters) => database.get(sql, ...parameters),
    transaction: (work) =>
      fails()
        ? Promise.reject(new StoreUnavailableError("disk-full", "The disk is full."))
        : database.transaction(work),
    close: () => database.close(),
  };
}
