import { randomUUID } from "node:crypto";
import pg from "pg";
import type { Database, Migration } from "../database.ts";
import { openDatabase } from "../open-database.ts";

/** Where the tests find a PostgreSQL server: `npm run test:postgres` starts one and says so here. Without it they run on SQLite. */
export const testPostgresUrl = process.env.PARLEY_TEST_POSTGRES;

export interface TestDatabaseOptions {
  readonly migrations: readonly Migration[];
  readonly clock?: { now(): number };
}

/** An empty database that is gone when it is closed: SQLite in memory, or a schema of its own on the PostgreSQL server of the tests. */
export async function openTestDatabase({ migrations, clock }: TestDatabaseOptions): Promise<Database> {
  const options = { migrations, ...(clock === undefined ? {} : { clock }) };
  if (testPostgresUrl === undefined) {
    return await openDatabase("sqlite::memory:", options);
  }
  const schema = await createTestSchema(testPostgresUrl);
  const database = await openDatabase(schema.url, options);
  const close = database.close.bind(database);
  database.close = async () => {
    await close();
    await schema.drop();
  };
  return database;
}

/** An empty place on a PostgreSQL server. */
export interface TestSchema {
  readonly name: string;
  /** The URL of a database whose tables are in this schema. */
  readonly url: string;
  drop(): Promise<void>;
}

export async function createTestSchema(serverUrl: string): Promise<TestSchema> {
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  await query(serverUrl, `CREATE SCHEMA ${name}`);
  const url = new URL(serverUrl);
  url.searchParams.set("options", `-c search_path=${name}`);
  url.searchParams.set("connections_max", "6");
  return { name, url: url.href, drop: () => query(serverUrl, `DROP SCHEMA IF EXISTS ${name} CASCADE`) };
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
