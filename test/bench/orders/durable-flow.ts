import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * The rivals' order flow, the same on both frameworks: PENDING, ValidateUser, ReserveStock, CONFIRMED, with three separate FULL
 * commits on node:sqlite, and without recovery after a crash.
 */

export interface Line {
  readonly productId: string;
  readonly quantity: number;
}

export interface BoughtLine extends Line {
  readonly productName: string;
  readonly units: bigint;
  readonly nanos: number;
}

function open(folder: string, name: string): DatabaseSync {
  const database = new DatabaseSync(join(folder, `${name}.db`));
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  return database;
}

/** The users. The load uses only one of them. */
export function openUsers(folder: string) {
  const database = open(folder, "user");
  database.exec("CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL) WITHOUT ROWID");
  database.exec("INSERT INTO users VALUES ('1', 'Alice Johnson', 'alice@example.com')");
  const byId = database.prepare("SELECT name, email FROM users WHERE id = ?");
  return {
    validate: (id: string) => byId.get(id) as { readonly name: string; readonly email: string } | undefined,
  };
}

/** The products and their reservations. */
export function openProducts(folder: string) {
  const database = open(folder, "product");
  database.exec(`
    CREATE TABLE products (id TEXT PRIMARY KEY, name TEXT NOT NULL, units INTEGER NOT NULL, nanos INTEGER NOT NULL,
      stock INTEGER NOT NULL CHECK (stock >= 0)) WITHOUT ROWID;
    CREATE TABLE reservations (order_id TEXT, product_id TEXT, quantity INTEGER NOT NULL,
      PRIMARY KEY (order_id, product_id)) WITHOUT ROWID;
    INSERT INTO products VALUES ('101', 'Laptop', 999, 990000000, 900000000), ('102', 'Mouse', 29, 990000000, 900000000);
  `);
  const take = database.prepare(
    "UPDATE products SET stock = stock - ? WHERE id = ? AND stock >= ? RETURNING name, units, nanos",
  );
  const reserve = database.prepare("INSERT INTO reservations VALUES (?, ?, ?)");
  const stock = database.prepare("SELECT stock FROM products WHERE id = ?");
  return {
    stock: (id: string) => (stock.get(id) as { readonly stock: number } | undefined)?.stock ?? 0,
    /** Undefined if there is not enough. */
    reserve(orderId: string, lines: readonly Line[]): readonly BoughtLine[] | undefined {
      database.exec("BEGIN IMMEDIATE");
      const bought: BoughtLine[] = [];
      for (const { productId, quantity } of lines) {
        const row = take.get(quantity, productId, quantity) as
          | { name: string; units: number; nanos: number }
          | undefined;
        if (row === undefined) {
          database.exec("ROLLBACK");
          return undefined;
        }
        reserve.run(orderId, productId, quantity);
        bought.push({ productId, quantity, productName: row.name, units: BigInt(row.units), nanos: row.nanos });
      }
      database.exec("COMMIT");
      return bought;
    },
  };
}

export function openOrders(folder: string) {
  const database = open(folder, "order");
  database.exec(`
    CREATE TABLE orders (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, lines TEXT NOT NULL, state TEXT NOT NULL,
      user_name TEXT, user_email TEXT) WITHOUT ROWID;
  `);
  const insert = database.prepare("INSERT INTO orders VALUES (?, ?, ?, 'PENDING', NULL, NULL)");
  const confirm = database.prepare(
    "UPDATE orders SET state = 'CONFIRMED', lines = ?, user_name = ?, user_email = ? WHERE id = ?",
  );
  return {
    begin(userId: string, lines: readonly Line[]): string {
      const id = randomUUID();
      insert.run(id, userId, JSON.stringify(lines));
      return id;
    },
    confirm(id: string, { lines, name, email }: { lines: readonly BoughtLine[]; name: string; email: string }): void {
      const text = JSON.stringify(lines, (_key, value) => (typeof value === "bigint" ? Number(value) : value));
      confirm.run(text, name, email, id);
    },
  };
}
