import { type Database, StoreUnavailableError } from "@parley/store";

/** The faults of a transaction. */
export interface DiskFaults {
  /** The disk is full: the whole transaction is refused. */
  isFull(): boolean;
  /** The disk fails during the commit: the data is durable, and the caller gets no response. */
  breaks(): boolean;
  /** Every later transaction is refused until the database's process restarts. */
  broke(): void;
}

/** Whether the database is shared, for another one in its place. */
export function sharing({ isShared }: Database): Pick<Database, "isShared"> {
  return isShared === undefined ? {} : { isShared };
}

/** A database whose disk is sometimes full, or fails. */
export function failingDatabase(database: Database, { isFull, breaks, broke }: DiskFaults): Database {
  let isBroken = false;
  const refused = () => Promise.reject(new StoreUnavailableError("io", "The disk failed."));
  return {
    ...sharing(database),
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
