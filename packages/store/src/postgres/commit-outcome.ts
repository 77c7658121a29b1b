import type { PostgresConnection } from "./postgres-connection.ts";
import { postgresStatement } from "./statements/postgres-sql.ts";

/**
 * A row for each commit, written in the same transaction. If the connection is lost during COMMIT, the row shows whether it took effect. Rows are
 * pruned after {@link commitRowsKeptMs}.
 */
export const commitsTable =
  "CREATE TABLE IF NOT EXISTS parley_commits (id TEXT PRIMARY KEY, commit_time TIMESTAMPTZ NOT NULL DEFAULT now())";

/** How long rows are kept: longer than any process looks up an outcome. */
export const commitRowsKeptMs = 60 * 60_000;

const insertSql = "INSERT INTO parley_commits (id) VALUES (?)";
const settleSql = "INSERT INTO parley_commits (id) VALUES (?) ON CONFLICT (id) DO NOTHING";
const pruneSql = `DELETE FROM parley_commits WHERE commit_time < now() - interval '${commitRowsKeptMs} milliseconds'`;

/** Begins a transaction. It leaves with the first statement, which fails with the same error. */
export function begin(connection: PostgresConnection): void {
  connection.executeGrouped(beginStatement, []).catch(() => {});
}

const beginStatement = { text: "BEGIN", name: "BEGIN" };
const commitStatement = { text: "COMMIT", name: "COMMIT" };

/** Commits a transaction. Returns false if PostgreSQL rolled it back instead. */
export async function commit(connection: PostgresConnection, id: string | undefined): Promise<boolean> {
  const marked = id === undefined ? undefined : connection.executeGrouped(postgresStatement(insertSql), [id]);
  const committed = connection.executeGrouped(commitStatement, []);
  // Awaited below. This prevents an unhandled rejection if COMMIT fails first.
  marked?.catch(() => {});
  // After a failed statement, COMMIT answers with the command tag ROLLBACK and no error.
  if ((await committed).command !== "COMMIT") {
    return false;
  }
  await marked;
  return true;
}

/**
 * Whether a transaction took effect whose COMMIT had no response. If it did not, it no longer can: this inserts its row. Waits for a transaction
 * that the server is still committing or rolling back.
 */
export async function wasCommitted(connection: PostgresConnection, id: string): Promise<boolean> {
  const { count } = await connection.execute(postgresStatement(settleSql), [id]);
  return count === 0;
}

/** Deletes old rows. */
export async function pruneCommits(connection: PostgresConnection): Promise<void> {
  await connection.executeText(pruneSql);
}
