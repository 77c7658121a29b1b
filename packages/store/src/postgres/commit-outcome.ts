import type { PostgresConnection } from "./postgres-connection.ts";
import { postgresStatement } from "./postgres-sql.ts";

/**
 * A row for each commit, written with it: where the connection is lost as COMMIT is on its way, the row tells whether it took effect. Rows are
 * of no use once that is known, and are pruned after {@link commitRowsKeptMs}.
 */
export const commitsTable =
  "CREATE TABLE IF NOT EXISTS parley_commits (id TEXT PRIMARY KEY, commit_time TIMESTAMPTZ NOT NULL DEFAULT now())";

/** Longer than any process asks for an outcome. */
export const commitRowsKeptMs = 60 * 60_000;

const insertSql = "INSERT INTO parley_commits (id) VALUES (?)";
const settleSql = "INSERT INTO parley_commits (id) VALUES (?) ON CONFLICT (id) DO NOTHING";
const pruneSql = `DELETE FROM parley_commits WHERE commit_time < now() - interval '${commitRowsKeptMs} milliseconds'`;

/** Ends a transaction. False where PostgreSQL undid it instead. */
export async function commit(connection: PostgresConnection, id: string | undefined): Promise<boolean> {
  const marked = id === undefined ? undefined : connection.execute(postgresStatement(insertSql), [id]);
  const committed = connection.executeText("COMMIT");
  // The mark's own error is that of the commit.
  marked?.catch(() => {});
  const { command } = await committed;
  await marked;
  // A transaction in which a statement failed answers COMMIT with ROLLBACK, and no error.
  return command === "COMMIT";
}

/**
 * Whether a transaction whose COMMIT was not answered took effect. Where it did not, it cannot any more: its row is taken. Waits for a
 * transaction that the server is still about to end.
 */
export async function wasCommitted(connection: PostgresConnection, id: string): Promise<boolean> {
  const { count } = await connection.execute(postgresStatement(settleSql), [id]);
  return count === 0;
}

/** Forgets old commits. */
export async function pruneCommits(connection: PostgresConnection): Promise<void> {
  await connection.executeText(pruneSql);
}
