import { type Database, StoreUnavailableError } from "@parley/store";

/** What may befall a transaction. */
export interface DiskFaults {
  /** The disk is full just then: the transaction is refused, as a whole. */
  isFull(): boolean;
  /** The disk fails while the commit is written: it is on the disk, and its caller is not answered. */
  breaks(): boolean;
  /** From now on everything is refused, until the process that has the database starts again. */
  broke(): void;
}

/** A database whose disk is full now and then, or breaks. */
export function failingDatabase(database: Database, { isFull, breaks, broke }: DiskFaults): Database {
  let isBroken = false;
  const refused = () => Promise.reject(new StoreUnavailableError("io", "The disk failed."));
  return {
    all: (sql, ...parameters) => (isBroken ? refused() : database.all(sql, ...parameters)),
    get: (sql, ...parameters) => (isBroken ? refused() : database.get(sql, ...parameters)),
    async transaction(work) {
      if (isBroken) return refused();
      if (isFull()) throw new StoreUnavailableError("disk-full", "The disk is full.");
      if (!breaks()) return database.transaction(work);
      await database.transaction(work);
      isBroken = true;
      broke();
      return refused();
    },
    close: () => database.close(),
  };
}
