import type { Database, SqlValue, Transaction } from "@parley/store";

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
      beforeCommit: (work, item) => transaction.beforeCommit(work, item),
      onCommit: (callback) => transaction.onCommit(callback),
    };
  }
  return {
    all: (sql, ...parameters) => database.all(sql, ...parameters),
    get: (sql, ...parameters) => database.get(sql, ...parameters),
    transaction: (work) => database.transaction((transaction) => work(rewriting(transaction))),
    close: () => database.close(),
  };
}
