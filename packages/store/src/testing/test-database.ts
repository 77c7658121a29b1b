import { randomUUID } from "node:crypto";
import pg from "pg";
import type { Database, Migration, Transaction } from "../database.ts";
import { execute } from "../execute.ts";
import { openDatabase } from "../open-database.ts";

/** Where the tests find a PostgreSQL server: `npm run test:postgres` starts one and says so here. Without it they run on SQLite. */
export const testPostgresUrl = process.env.PARLEY_TEST_POSTGRES;

/** How often a property is tried: on a server, where each try takes a hundred times as long, a tenth as often. */
export function testRuns(count: number): number {
  return testPostgresUrl === undefined ? count : Math.ceil(count / 10);
}

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
  return counting(await openDatabase(schema.url, options), { clock, onClosed: schema.drop });
}

let underWay = 0;
/** Turns of the event loop without a call of a database after which none is expected. */
const idleTurns = 3;
/** A transaction that waits for what the test does next is not waited for any longer. */
const idleTimeoutMs = 10_000;

/** Resolves when the databases that tests opened on a server have answered, and what their answers led to. */
export async function testDatabasesIdle(): Promise<void> {
  if (testPostgresUrl === undefined) {
    return;
  }
  const untilMs = performance.now() + idleTimeoutMs;
  for (let turns = 0; turns < idleTurns && performance.now() < untilMs; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (underWay > 0) {
      turns = -1;
    }
  }
}

/** A transaction whose database has the time of the test. */
function withClock(transaction: Transaction, clock: { now(): number } | undefined): Transaction {
  return clock === undefined ? transaction : Object.assign(transaction, { now: async () => clock.now() });
}

interface CountingOptions {
  readonly clock: { now(): number } | undefined;
  readonly onClosed: () => Promise<void>;
}

/** A database whose calls in flight are counted. */
function counting(database: Database, { clock, onClosed }: CountingOptions): Database {
  const counted = <T>(call: Promise<T>): Promise<T> => {
    underWay++;
    return call.finally(() => underWay--);
  };
  return {
    isShared: true,
    all: (sql, ...parameters) => counted(database.all(sql, ...parameters)),
    get: (sql, ...parameters) => counted(database.get(sql, ...parameters)),
    transaction: (work, options) =>
      counted(database.transaction((transaction) => work(withClock(transaction, clock)), options)),
    execute: (command, input, options) => counted(execute(database, command, { input, ...options })),
    async close() {
      await counted(database.close());
      await onClosed();
    },
  };
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
