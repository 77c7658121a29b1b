import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { createEventLog, eventTypes } from "@parley/events";
import { StockChangedSchema, StockLowSchema } from "@parley/gen/event/v1/event_pb.js";
import { InventoryService, type ReserveStockRequest } from "@parley/gen/product/v1/inventory_service_pb.js";
import { reasonError } from "@parley/rpc";
import type { ServiceModule } from "@parley/rpc/server";
import { ConstraintError, type Database, StoreUnavailableError, type Transaction } from "@parley/store";
import { lowStockThreshold } from "../workload/products.ts";
import type { Parts } from "../world/seams.ts";
import { createInTurn } from "./in-turn.ts";
import { replaceMethod } from "./replace-method.ts";

/** Units of a product: a line of the request. */
export interface Line {
  readonly productId: string;
  readonly quantity: number;
}

/** A stock before and after a change. */
export interface StockMove {
  readonly before: number;
  readonly after: number;
}

/** The functions that careless code uses. */
export interface Tools {
  /** The request's lines. */
  readonly lines: readonly Line[];
  /** The lines, summed by product. */
  readonly summed: readonly Line[];
  /** The stock of a product. Throws if there is no such product. */
  stockOf(reader: Pick<Transaction, "get">, productId: string): Promise<number>;
  /** Stores a stock and appends its event. */
  setStock(transaction: Transaction, productId: string, move: StockMove): Promise<void>;
  /** Stores the order's reservation. */
  insert(transaction: Transaction): Promise<void>;
}

/** A faulty implementation of reserving stock. */
export type CarelessReserve = (tools: Tools, run: Database["transaction"]) => Promise<void>;

/**
 * The product service with another implementation of reserving stock. The rest is correct: repeated requests get the same
 * response, and changes are published.
 */
export function withCarelessReserve(module: ServiceModule, parts: Parts, reserve: CarelessReserve): ServiceModule {
  const { database } = parts;
  const inTurn = createInTurn();

  async function reserveOnce(request: ReserveStockRequest): Promise<void> {
    const standing = await database.get("SELECT 1 AS one FROM reservations WHERE order_id = ?", request.orderId);
    if (standing !== undefined) return;
    await reserve(toolsFor(request, parts), (work) => database.transaction(work)).catch((error: unknown) => {
      // Another replica reserved for it meanwhile.
      if (!(error instanceof ConstraintError)) throw error;
    });
  }

  return replaceMethod(module, InventoryService.method.reserveStock, (original) => async (request, context) => {
    // Serializes repetitions of one request. Different requests still run concurrently.
    await inTurn(request.orderId, () => reserveOnce(request)).catch(answerAsService);
    // Returns the current state, as the service does for a repetition.
    return original({ ...request, items: sumUp(request.items) }, context);
  });
}

/** The functions that careless code uses for a request. */
export function toolsFor(request: ReserveStockRequest, { database, environment }: Parts): Tools {
  const watchOnlyTypes = [eventTypes.stockChanged];
  const events = createEventLog({ database, source: "/services/product", environment, watchOnlyTypes });
  const summed = sumUp(request.items);

  async function appendEvents(
    transaction: Transaction,
    productId: string,
    { before, after }: StockMove,
  ): Promise<void> {
    const about = { subject: productId, partitionKey: productId };
    const changed = create(StockChangedSchema, { productId, stock: after, delta: after - before });
    const payload = { case: "stockChanged", value: changed } as const;
    await events.append(transaction, { ...about, type: eventTypes.stockChanged, payload });
    if (before <= lowStockThreshold || after > lowStockThreshold) return;
    const low = create(StockLowSchema, { productId, stock: after, lowStockThreshold });
    await events.append(transaction, {
      ...about,
      type: eventTypes.stockLow,
      payload: { case: "stockLow", value: low },
    });
  }

  return {
    lines: request.items,
    summed,
    async stockOf(reader, productId) {
      const row = await reader.get<{ stock: number }>("SELECT stock FROM products WHERE id = ?", productId);
      if (row === undefined) throw refused("PRODUCT_NOT_FOUND", Code.NotFound, { productId });
      return row.stock;
    },
    async setStock(transaction, productId, move) {
      await transaction.run("UPDATE products SET stock = ? WHERE id = ?", move.after, productId);
      await appendEvents(transaction, productId, move);
    },
    async insert(transaction) {
      const items = [];
      for (const { productId, quantity } of summed) {
        const row = await transaction.get<Priced>(`SELECT ${pricedColumns} FROM products WHERE id = ?`, productId);
        if (row === undefined) throw refused("PRODUCT_NOT_FOUND", Code.NotFound, { productId });
        items.push([productId, row.name, quantity, row.price_currency, row.price_units, row.price_nanos]);
      }
      await transaction.run(
        "INSERT INTO reservations (order_id, state, items, create_time) VALUES (?, 'reserved', ?, ?)",
        request.orderId,
        JSON.stringify(items),
        environment.clock.now(),
      );
    },
  };
}

/** The stock of each product, read before the transaction that changes it. Throws if it is not enough. */
export async function readLevels({ summed, stockOf }: Tools, database: Database): Promise<Map<string, number>> {
  const levels = new Map<string, number>();
  for (const line of summed) {
    const available = await stockOf(database, line.productId);
    if (available < line.quantity) throw tooLittle(line, available);
    levels.set(line.productId, available);
  }
  return levels;
}

/** Reserves from the stock that was read before, as if it could not have changed meanwhile. */
export async function reserveFrom(
  levels: ReadonlyMap<string, number>,
  { summed, setStock, insert }: Tools,
  transaction: Transaction,
): Promise<void> {
  for (const { productId, quantity } of summed) {
    const before = levels.get(productId) ?? 0;
    await setStock(transaction, productId, { before, after: before - quantity });
  }
  await insert(transaction);
}

/** The error for insufficient stock. */
export function tooLittle({ productId, quantity }: Line, available: number): Error {
  const metadata = { productId, requested: String(quantity), available: String(available) };
  return refused("INSUFFICIENT_STOCK", Code.FailedPrecondition, metadata);
}

/** A full disk is not a bug of the service: maps it to the service's own error. */
function answerAsService(error: unknown): never {
  if (!(error instanceof StoreUnavailableError)) throw error;
  throw refused("STORE_UNAVAILABLE", Code.Unavailable, {});
}

interface Priced {
  readonly name: string;
  readonly price_currency: string;
  readonly price_units: number;
  readonly price_nanos: number;
}
const pricedColumns = "name, price_currency, price_units, price_nanos";

function sumUp(lines: readonly Line[]): readonly Line[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  return Array.from(quantities, ([productId, quantity]) => ({ productId, quantity }));
}

function refused(reason: string, code: Code, metadata: Readonly<Record<string, string>>): Error {
  return reasonError(code, { reason, message: reason, metadata });
}
