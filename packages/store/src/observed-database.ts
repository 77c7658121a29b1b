import type { CallOptions, Command, Database, Transaction } from "./database.ts";

/** How a transaction went, in milliseconds by the observer's own clock. */
export interface TransactionTimes {
  readonly startMs: number;
  /** When its body began for the first time: until then it waited for its turn. Undefined if it never did. */
  readonly bodyMs: number | undefined;
  /** When its body had ended for the last time: from then on it waited to be durable. Undefined if it never did. */
  readonly commitMs: number | undefined;
  readonly endMs: number;
  /** What it failed with. */
  readonly error: unknown;
}

/** Is told of the transactions of a database. */
export interface TransactionObserver {
  nowMs(): number;
  /** Called when a transaction is asked for, with the command's name or an empty one. What it answers is called once, at the end. */
  begin(name: string): (times: TransactionTimes) => void;
}

/** A database whose transactions are told to an observer. Reads are not. */
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
