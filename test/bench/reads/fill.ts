import { orderMigrations } from "@parley/order";
import { openDatabase } from "@parley/store";
import pg from "pg";

/** Rows of one transaction: far below the time limit of a statement. */
const chunkRows = 50_000;
/** A buyer has this many orders in the middle, wherever there are enough. */
const ordersPerUser = 100;

/** The id of the order with this number, from 1. In the order of their numbers, as real ones are in the order of their creation. */
export function orderId(number: number): string {
  return `01900000-0000-7000-8000-${String(number).padStart(12, "0")}`;
}

/** The number of buyers of so many orders. */
export function userCount(orders: number): number {
  return Math.max(1, Math.floor(orders / ordersPerUser));
}

/** Fills a new database of the order service with confirmed orders, a tenth of them cancelled. */
export async function fillOrders(url: string, orders: number): Promise<void> {
  const database = await openDatabase(url, { migrations: orderMigrations });
  try {
    for (let first = 1; !url.startsWith("postgres") && first <= orders; first += chunkRows) {
      const last = Math.min(orders, first + chunkRows - 1);
      await database.transaction((transaction) =>
        transaction.run(insertSql(recursive), first, last, userCount(orders)),
      );
    }
  } finally {
    await database.close();
  }
  if (url.startsWith("postgres")) await fillPostgres(url, orders);
}

/** Writes the rows first and builds the indexes afterwards: ten million orders in a few minutes. */
async function fillPostgres(url: string, orders: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: indexes } = await client.query<{ indexname: string; indexdef: string }>(
      "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'orders' AND indexname NOT LIKE '%_pkey'",
    );
    for (const { indexname } of indexes) await client.query(`DROP INDEX ${indexname}`);
    await client.query("SET maintenance_work_mem = '1GB'");
    await client.query(insertSql(series), [1, orders, userCount(orders)]);
    for (const { indexdef } of indexes) await client.query(indexdef);
    // As autovacuum does within minutes.
    await client.query("VACUUM ANALYZE orders");
    await client.query("CHECKPOINT");
  } finally {
    await client.end();
  }
}

const items = JSON.stringify([
  ["101", 2, "Laptop", 999, 990_000_000],
  ["102", 1, "Mouse", 29, 990_000_000],
]);
// Buyers' orders are spread over the whole table, as they are over time.
const insertSql = ({ numbers, users }: { readonly numbers: string; readonly users: string }) => `
  WITH RECURSIVE numbers (number) AS (${numbers})
  INSERT INTO orders (id, user_id, user_name, user_email, items, total_units, total_nanos, currency, phase, state, state_reason,
    revision, create_time, update_time, confirm_time, owner)
  SELECT '01900000-0000-7000-8000-' || substr(CAST(1000000000000 + number AS TEXT), 2), CAST(number % CAST(${users} AS BIGINT) AS TEXT),
    'Alice Johnson', 'alice@example.com', '${items}', 2029, 970000000, 'USD',
    CASE WHEN number % 10 = 0 THEN 'CANCELLED' ELSE 'CONFIRMED' END,
    CASE WHEN number % 10 = 0 THEN 'CANCELLED' ELSE 'CONFIRMED' END,
    '', 2, 1750000000000 + number, 1750000000000 + number, 1750000000000 + number, 'only'
  FROM numbers`;
/** The numbers from one to another, and the number of users. */
const recursive = {
  numbers: "SELECT CAST(? AS BIGINT) UNION ALL SELECT number + 1 FROM numbers WHERE number < CAST(? AS BIGINT)",
  users: "?",
};
const series = { numbers: "SELECT * FROM generate_series($1::bigint, $2::bigint)", users: "$3" };
