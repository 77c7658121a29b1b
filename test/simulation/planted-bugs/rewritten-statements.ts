import type { Database, SqlValue, Transaction } from "@parley/store";
import { sharing } from "../world/failing-database.ts";

/** A statement and its parameters. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
}

/** The database with rewritten statements in transaction bodies. The rewriter may return a statement unchanged. */
export function rewritingStatements(database: Database, rewrite: (statement: Statement) => Statement): Database {
  function rewriting(transaction: Transaction): Transaction {
    return {
      all: (sql, ...parameters) => transaction.all(sql, ...parameters),
      get: (sql, ...parameters) => transaction.get(sql, ...parameters),
      run(sql, ...parameters) {
        const statement = rewrite({ sql, parameters });
        return transaction.run(statement.sql, ...statement.parameters);
      },
      ...sharingTransaction(transaction),
      beforeCommit: (work, item) => transaction.beforeCommit(work, item),
      onCommit: (callback) => transaction.onCommit(callback),
    };
  }
  return {
    ...sharing(database),
    all: (sql, ...parameters) => database.all(sql, ...parameters),
    get: (sql, ...parameters) => database.get(sql, ...parameters),
    transaction: (work) => database.transaction((transaction) => work(rewriting(transaction))),
    close: () => database.close(),
  };
}

/** What a transaction of a shared database has besides its statements. */
export function sharingTransaction(transaction: Transaction): Pick<Transaction, "isShared" | "now"> {
  return transaction.isShared === undefined
    ? {}
    : { isShared: true, now: async () => (await transaction.now?.()) ?? 0 };
}
