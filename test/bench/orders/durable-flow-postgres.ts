import { randomUUID } from "node:crypto";
import pg from "pg";
import type { BoughtLine, Line } from "./durable-flow.ts";

/**
 * The rivals' order flow on PostgreSQL: the same steps as in durable-flow.ts, with events. Written with care: pools, prepared statements, one statement
 * and one round trip for each step, which holds its rows' locks for no longer than its commit, rows locked in order, an outbox whose events are published in batches and take effect once. Without recovery after a
 * crash, idempotency keys, validation and cancelling.
 */

/** Connections of each process, as many as pg and Parley open by default. More wait for the same rows, and cost the server more than they gain. */
const connectionsMax = 10;
/** Events of one delivery. */
const batchMax = 100;
/** The relay's wait if there was nothing to publish, in milliseconds. */
const pollMs = 20;

function open(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: connectionsMax });
  pool.on("error", () => {});
  return pool;
}

export async function openUsers(url: string) {
  const pool = open(url);
  await pool.query("CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL)");
  await pool.query("INSERT INTO users VALUES ('1', 'Alice Johnson', 'alice@example.com')");
  return {
    async validate(id: string) {
      const query = { name: "validate", text: "SELECT name, email FROM users WHERE id = $1", values: [id] };
      return (await pool.query<{ name: string; email: string }>(query)).rows[0];
    },
  };
}

export async function openProducts(url: string) {
  const pool = open(url);
  await pool.query(`
    CREATE TABLE products (id TEXT PRIMARY KEY, name TEXT NOT NULL, units BIGINT NOT NULL, nanos INTEGER NOT NULL,
      stock INTEGER NOT NULL CHECK (stock >= 0));
    CREATE TABLE reservations (order_id TEXT, product_id TEXT, quantity INTEGER NOT NULL, PRIMARY KEY (order_id, product_id));
    INSERT INTO products VALUES ('101', 'Laptop', 999, 990000000, 900000000), ('102', 'Mouse', 29, 990000000, 900000000);
  `);
  return {
    async stock(id: string): Promise<number> {
      const query = { name: "stock", text: "SELECT stock FROM products WHERE id = $1", values: [id] };
      return (await pool.query<{ stock: number }>(query)).rows[0]?.stock ?? 0;
    },
    /** Undefined if there is not enough. */
    async reserve(orderId: string, lines: readonly Line[]): Promise<readonly BoughtLine[] | undefined> {
      const ids = lines.map(({ productId }) => productId);
      const quantities = lines.map(({ quantity }) => quantity);
      const query = { name: "reserve", text: reserveSql, values: [orderId, ids, quantities] };
      const { rows } = await pool.query<ProductRow>(query);
      if (rows.length < lines.length) return undefined;
      const found = new Map(rows.map((row) => [row.id, row]));
      return lines.map(({ productId, quantity }) => {
        const row = found.get(productId);
        return {
          productId,
          quantity,
          productName: row?.name ?? "",
          units: BigInt(row?.units ?? 0),
          nanos: row?.nanos ?? 0,
        };
      });
    },
  };
}

interface ProductRow {
  readonly id: string;
  readonly name: string;
  readonly units: string;
  readonly nanos: number;
}

// All lines or none. Locked in the order of their ids first: two orders of the same products must not wait for each other.
const reserveSql = `
  WITH wanted AS (SELECT * FROM unnest($2::text[], $3::int[]) AS wanted (id, quantity)),
  locked AS MATERIALIZED (SELECT id, stock FROM products WHERE id = ANY($2::text[]) ORDER BY id FOR UPDATE),
  enough AS (SELECT count(*) AS lines FROM locked JOIN wanted USING (id) WHERE stock >= quantity),
  taken AS (
    UPDATE products SET stock = products.stock - wanted.quantity FROM wanted, enough
    WHERE products.id = wanted.id AND enough.lines = cardinality($2::text[])
    RETURNING products.id, name, units, nanos, wanted.quantity
  ),
  reserved AS (INSERT INTO reservations SELECT $1, id, quantity FROM taken)
  SELECT id, name, units, nanos FROM taken`;

/** An event in the outbox. */
export interface OutboxEvent {
  readonly sequence: string;
  readonly id: string;
  readonly order_id: string;
  readonly user_id: string;
  readonly user_name: string;
  readonly user_email: string;
}

export async function openOrders(url: string) {
  const pool = open(url);
  await pool.query(`
    CREATE TABLE orders (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, lines TEXT NOT NULL, state TEXT NOT NULL, user_name TEXT, user_email TEXT);
    CREATE TABLE outbox (sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL, order_id TEXT NOT NULL, user_id TEXT NOT NULL,
      user_name TEXT NOT NULL, user_email TEXT NOT NULL);
  `);
  async function publish(deliver: (events: readonly OutboxEvent[]) => Promise<void>): Promise<number> {
    const { rows } = await pool.query<OutboxEvent>({ name: "outbox", text: outboxSql, values: [batchMax] });
    if (rows.length > 0) {
      await deliver(rows);
      await pool.query({ name: "done", text: doneSql, values: [rows.map(({ sequence }) => sequence)] });
    }
    return rows.length;
  }
  return {
    async begin(userId: string, lines: readonly Line[]): Promise<string> {
      const id = randomUUID();
      await pool.query({ name: "begin", text: beginSql, values: [id, userId, JSON.stringify(lines)] });
      return id;
    },
    /** Confirms an order, and writes its event down, in one statement. */
    async confirm(
      id: string,
      { lines, name, email }: { lines: readonly BoughtLine[]; name: string; email: string },
    ): Promise<void> {
      const text = JSON.stringify(lines, (_key, value) => (typeof value === "bigint" ? Number(value) : value));
      await pool.query({ name: "confirm", text: confirmSql, values: [text, name, email, id, randomUUID()] });
    },
    /** Publishes the outbox for ever. */
    async relay(deliver: (events: readonly OutboxEvent[]) => Promise<void>): Promise<never> {
      for (;;) {
        const published = await publish(deliver).catch(() => 0);
        if (published < batchMax) await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    },
  };
}

const beginSql = "INSERT INTO orders VALUES ($1, $2, $3, 'PENDING', NULL, NULL)";
const confirmSql = `
  WITH confirmed AS (
    UPDATE orders SET state = 'CONFIRMED', lines = $1, user_name = $2, user_email = $3 WHERE id = $4 AND state = 'PENDING'
    RETURNING id, user_id
  )
  INSERT INTO outbox (id, order_id, user_id, user_name, user_email) SELECT $5, id, user_id, $2, $3 FROM confirmed`;
const outboxSql =
  "SELECT sequence, id, order_id, user_id, user_name, user_email FROM outbox ORDER BY sequence LIMIT $1";
const doneSql = "DELETE FROM outbox WHERE sequence = ANY($1::bigint[])";

export async function openNotifications(url: string) {
  const pool = open(url);
  await pool.query(
    "CREATE TABLE notifications (id TEXT PRIMARY KEY, order_id TEXT NOT NULL, recipient TEXT NOT NULL, subject TEXT NOT NULL)",
  );
  return {
    /** Writes the notifications of events down, each once. */
    async add(events: readonly { readonly id: string; readonly orderId: string; readonly email: string }[]) {
      const columns = [
        events.map(({ id }) => id),
        events.map(({ orderId }) => orderId),
        events.map(({ email }) => email),
        events.map(({ orderId }) => `Your order ${orderId} is confirmed`),
      ];
      await pool.query({ name: "notify", text: notifySql, values: columns });
    },
  };
}

const notifySql = `
  INSERT INTO notifications SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) ON CONFLICT (id) DO NOTHING`;
