import type { CallOptions, Command, Database, Transaction } from "./database.ts";

/** The times of a transaction, in milliseconds on the observer's clock. */
export interface TransactionTimes {
  readonly startMs: number;
  /** When its body first started: it was queued until then. Undefined if it never started. */
  readonly bodyMs: number | undefined;
  /** When its body last ended: from then on it waited for the commit. Undefined if it never ended. */
  readonly commitMs: number | undefined;
  readonly endMs: number;
  /** The error, if the transaction failed. */
  readonly error: unknown;
}

/** Observes the transactions of a database. */
export interface TransactionObserver {
  nowMs(): number;
  /** Called when a transaction is requested, with the command's name or an empty string. The returned function is called once, at the end. */
  begin(name: string): (times: TransactionTimes) => void;
}

/** A database that reports its transactions to an observer. It does not report reads. */
export function observedDatabase(database: Database, observer: TransactionObserver): Database {
  const { execute, onReachable } = database;
  return {
    all: (sql, ...parameters) => database.all(sql, ...parameters),
    get: (sql, ...parameters) => database.get(sql, ...parameters),
    transaction: (work, options) => observed(observer, "", (body) => database.transaction(body(work), options)),
    ...(execute === undefined
      ? {}
      : {
          execute: <I, O>(command: Command<I, O>, input: I, options?: CallOptions) =>
            observed(observer, command.name, () => execute.call(database, command, input, options) as Promise<O>),
        }),
    ...(onReachable === undefined ? {} : { onReachable: (callback) => onReachable.call(database, callback) }),
    ...(database.isShared === undefined ? {} : { isShared: database.isShared }),
    close: () => database.close(),
  };
}

type Body = <T>(work: (transaction: Transaction) => Promise<T>) => (transaction: Transaction) => Promise<T>;

async function observed<T>(
  observer: TransactionObserver,
  ...[name, run]: [name: string, run: (body: Body) => Promise<T>]
): Promise<T> {
  const startMs = observer.nowMs();
  const end = observer.begin(name);
  let bodyMs: number | undefined;
  let commitMs: number | undefined;
  const body: Body = (work) => async (transaction) => {
    bodyMs ??= observer.nowMs();
    try {
      return await work(transaction);
    } finally {
      commitMs = observer.nowMs();
    }
  };
  try {
    const answer = await run(body);
    end({ startMs, bodyMs, commitMs, endMs: observer.nowMs(), error: undefined });
    return answer;
  } catch (error) {
    end({ startMs, bodyMs, commitMs, endMs: observer.nowMs(), error });
    throw error;
  }
}
