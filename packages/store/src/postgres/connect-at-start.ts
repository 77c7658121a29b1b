import { setTimeout as wait } from "node:timers/promises";
import { PostgresConnection, type PostgresTarget } from "./postgres-connection.ts";
import { settingsMistake } from "./postgres-errors.ts";
import { postgresStatement } from "./statements/postgres-sql.ts";

/** The first retry delay while the server is unavailable. The delay doubles up to the maximum. */
const retryFirstMs = 100;
const retryLastMs = 5_000;

/** Logs the wait. A pino logger is one. */
export interface StartLog {
  warn(details: object, message: string): void;
}

/**
 * Opens the first connection. Waits while the server is unreachable, starting, out of connections, or a read-only standby, and logs the wait.
 * Throws `DatabaseUrlError` for errors that waiting cannot resolve: a wrong password, a database that does not exist.
 */
export async function connectAtStart(
  target: PostgresTarget,
  { log, signal }: { readonly log?: StartLog | undefined; readonly signal?: AbortSignal | undefined },
): Promise<PostgresConnection> {
  for (let waitMs = retryFirstMs; ; waitMs = Math.min(waitMs * 2, retryLastMs)) {
    try {
      return await connectToPrimary(target);
    } catch (error) {
      const mistake = settingsMistake(error);
      if (mistake !== undefined) {
        throw mistake;
      }
      log?.warn(
        { host: target.host, port: target.port, database: target.database, waitMs, error: (error as Error).message },
        "waiting for the PostgreSQL server of DATABASE_URL",
      );
      await wait(waitMs, undefined, { signal });
    }
  }
}

async function connectToPrimary(target: PostgresTarget): Promise<PostgresConnection> {
  const connection = await PostgresConnection.open(target);
  try {
    const { rows } = await connection.execute(postgresStatement(stateSql), []);
    const { read_only: readOnly, schema } = rows[0] as { read_only: string; schema: string | null };
    if (readOnly === "on") {
      throw new Error("The server is a read-only standby");
    }
    if (schema === null) {
      throw Object.assign(new Error("no schema of the search_path exists"), { code: "3F000", severity: "ERROR" });
    }
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

const stateSql = "SELECT current_setting('transaction_read_only') AS read_only, current_schema() AS schema";
