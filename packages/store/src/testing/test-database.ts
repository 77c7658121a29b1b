import { randomUUID } from "node:crypto";
import pg from "pg";
import type { Database, Migration, Transaction } from "../database.ts";
import { execute } from "../execute.ts";
import { openDatabase } from "../open-database.ts";

/** The PostgreSQL server of the tests, set by `npm run test:postgres`. Without it the tests run on SQLite. */
export const testPostgresUrl = process.env.PARLEY_TEST_POSTGRES;

/** The number of runs of a property. On a server a run takes a hundred times as long, so there are a tenth as many. */
export function testRuns(count: number): number {
  return testPostgresUrl === undefined ? count : Math.ceil(count / 10);
}

export interface TestDatabaseOptions {
  readonly migrations: readonly Migration[];
  readonly clock?: { now(): number };
}

/** An empty database that is deleted when it is closed: SQLite in memory, or a separate schema on the tests' PostgreSQL server. */
export async function openTestDatabase({ migrations, clock }: TestDatabaseOptions): Promise<Database> {
  const options = { migrations, ...(clock === undefined ? {} : { clock }) };
  if (testPostgresUrl === undefined) {
    return await openDatabase("sqlite::memory:", options);
  }
  const schema = await createTestSchema(testPostgresUrl);
  return counting(await openDatabase(schema.url, options), { clock, onClosed: schema.drop });
}

let underWay = 0;
/** The event-loop ticks without a database call after which the databases count as idle. */
const idleTurns = 3;
/** Stops waiting after this time: a transaction may be waiting for the test's next step. */
const idleTimeoutMs = 10_000;

/** Resolves when the databases on the tests' server are idle, including follow-up calls. */
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

/** A transaction whose database time is the test's clock. */
function withClock(transaction: Transaction, clock: { now(): number } | undefined): Transaction {
  return clock === undefined ? transaction : Object.assign(transaction, { now: async () => clock.now() });
}

interface CountingOptions {
  readonly clock: { now(): number } | undefined;
  readonly onClosed: () => Promise<void>;
}

/** A database that counts its calls in flight. */
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

/** An empty schema on a PostgreSQL server. */
export interface TestSchema {
  readonly name: string;
  /** The URL of a database that uses this schema. */
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
