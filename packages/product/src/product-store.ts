import { marksFor, type PagedList, type Reader, type SetTransaction, type Transaction } from "@parley/store";
import type { StockChange } from "./inventory/stock-change.ts";
import type { Product } from "./product.ts";

interface ProductRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly price_currency: string;
  readonly price_units: number | bigint;
  readonly price_nanos: number;
  readonly stock: number;
  readonly low_stock_threshold: number;
  readonly version: number;
  readonly create_time: number;
  readonly update_time: number;
}

const columns =
  "id, name, description, price_currency, price_units, price_nanos, stock, low_stock_threshold, version, create_time, update_time";

/** Reads one product. Undefined if there is none, or if it was deleted. */
export async function findProduct(reader: Reader, id: string): Promise<Product | undefined> {
  const row = await reader.get<ProductRow>(`SELECT ${columns} FROM products WHERE id = ? AND delete_time IS NULL`, id);
  return row && fromRow(row);
}

/** Reads and locks one product until the transaction ends. */
export async function lockProduct(transaction: Transaction, id: string): Promise<Product | undefined> {
  const sql = `SELECT ${columns} FROM products WHERE id = ? AND delete_time IS NULL FOR UPDATE`;
  const row = await transaction.get<ProductRow>(sql, id);
  return row && fromRow(row);
}

/** Reads the existing products, in no order. */
export async function findProducts(reader: Reader, ids: readonly string[]): Promise<ReadonlyMap<string, Product>> {
  const rows = await reader.all<ProductRow>(
    `SELECT ${columns} FROM products WHERE id IN (${marksFor(ids)}) AND delete_time IS NULL`,
    ...ids,
  );
  return new Map(rows.map((row) => [row.id, fromRow(row)]));
}

/** The products, oldest first, for reading page by page. */
export function productList(reader: Reader): PagedList<Product, [createTimeMs: number, id: string]> {
  return {
    list: "products",
    keyTypes: ["number", "string"],
    keyOf: ({ createTimeMs, id }) => [createTimeMs, id],
    async read(after, limit) {
      const condition = `WHERE delete_time IS NULL ${after === undefined ? "" : "AND (create_time, id) > (?, ?)"}`;
      const sql = `SELECT ${columns} FROM products ${condition} ORDER BY create_time, id LIMIT ?`;
      return (await reader.all<ProductRow>(sql, ...(after ?? []), limit)).map(fromRow);
    },
  };
}

/** Whether there was ever a product. */
export async function anyProduct(reader: Reader): Promise<boolean> {
  return (await reader.get("SELECT 1 AS one FROM products LIMIT 1")) !== undefined;
}

/** Inserts a new product. False, and nothing inserted, if its id exists. */
export async function insertProduct(transaction: Transaction, product: Product): Promise<boolean> {
  const inserted = await transaction.run(
    `INSERT INTO products (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    product.id,
    product.name,
    product.description,
    product.price.currency,
    product.price.units,
    product.price.nanos,
    product.stock,
    product.lowStockThreshold,
    product.version,
    product.createTimeMs,
    product.updateTimeMs,
  );
  return inserted === 1;
}

/** Updates everything but the stock, over the previous version. */
export async function updateProduct(transaction: Transaction, product: Product): Promise<void> {
  const changed = await transaction.run(
    `UPDATE products SET name = ?, description = ?, price_currency = ?, price_units = ?, price_nanos = ?,
       low_stock_threshold = ?, version = ?, update_time = ? WHERE id = ? AND version = ?`,
    product.name,
    product.description,
    product.price.currency,
    product.price.units,
    product.price.nanos,
    product.lowStockThreshold,
    product.version,
    product.updateTimeMs,
    product.id,
    product.version - 1,
  );
  if (changed !== 1) {
    throw new Error(`product ${product.id} changed while its row was locked`);
  }
}

/** Deletes a product from the catalogue. The row stays, so that orders can still release units. */
export async function deleteProduct(transaction: Transaction, id: string, nowMs: number): Promise<void> {
  await transaction.run("UPDATE products SET delete_time = ?, update_time = ? WHERE id = ?", nowMs, nowMs, id);
}

/** A difference to a product's stock. */
export interface StockMove {
  readonly productId: string;
  /** The units to add; to remove, if negative. */
  readonly delta: number;
  readonly nowMs: number;
}

/** A change of stock, with the current price. */
export interface MovedStock extends StockChange, Pick<Product, "price"> {}

interface MovedRow {
  readonly name: string;
  readonly price_currency: string;
  readonly price_units: number | bigint;
  readonly price_nanos: number;
  readonly stock: number;
  readonly low_stock_threshold: number;
}

const movedColumns = "name, price_currency, price_units, price_nanos, stock, low_stock_threshold";

/** Changes the stock of a product in the catalogue. Undefined, and nothing changed, if there is none or the result would be negative. */
export async function moveStock(transaction: Transaction, move: StockMove): Promise<MovedStock | undefined> {
  const row = await transaction.get<MovedRow>(
    `UPDATE products SET stock = stock + ?, update_time = ? WHERE id = ? AND delete_time IS NULL AND stock + ? >= 0 RETURNING ${movedColumns}`,
    move.delta,
    move.nowMs,
    move.productId,
    move.delta,
  );
  return row && fromMovedRow(move, row);
}

/** A product's stock, name and threshold. */
export type Stock = Omit<MovedStock, "delta">;

/** Reads and locks the stock of products in the catalogue until the transaction ends. Pass the ids in order. */
export async function lockStock(
  transaction: SetTransaction,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Stock>> {
  const rows = await transaction.all<MovedRow & { readonly id: string }>(
    `SELECT id, ${movedColumns} FROM products WHERE id = ANY(?::text[]) AND delete_time IS NULL ORDER BY id FOR UPDATE`,
    ids,
  );
  return new Map(rows.map((row) => [row.id, fromMovedRow({ productId: row.id, delta: 0, nowMs: 0 }, row)]));
}

/** Changes the stocks of locked products, each by its own difference. */
export function moveStocks(transaction: SetTransaction, deltas: ReadonlyMap<string, number>, nowMs: number): void {
  if (deltas.size === 0) {
    return;
  }
  transaction.send({ sql: moveManySql, parameters: [nowMs, [...deltas.keys()], [...deltas.values()]] });
}

const moveManySql = `
  UPDATE products SET stock = stock + given.delta, update_time = ?
  FROM unnest(?::text[], ?::bigint[]) AS given (id, delta) WHERE products.id = given.id`;

/** Releases units of a product, whether it is still in the catalogue or not. */
export async function giveBackStock(transaction: Transaction, move: StockMove): Promise<MovedStock> {
  const row = await transaction.get<MovedRow>(
    `UPDATE products SET stock = stock + ?, update_time = ? WHERE id = ? RETURNING ${movedColumns}`,
    move.delta,
    move.nowMs,
    move.productId,
  );
  if (row === undefined) {
    throw new Error(`reserved product ${move.productId} has no row`);
  }
  return fromMovedRow(move, row);
}

function fromMovedRow(move: StockMove, row: MovedRow): MovedStock {
  return {
    productId: move.productId,
    productName: row.name,
    stock: row.stock,
    delta: move.delta,
    lowStockThreshold: row.low_stock_threshold,
    price: { currency: row.price_currency, units: BigInt(row.price_units), nanos: row.price_nanos },
  };
}

function fromRow(row: ProductRow): Product {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    price: { currency: row.price_currency, units: BigInt(row.price_units), nanos: row.price_nanos },
    stock: row.stock,
    lowStockThreshold: row.low_stock_threshold,
    version: row.version,
    createTimeMs: row.create_time,
    updateTimeMs: row.update_time,
  };
}
