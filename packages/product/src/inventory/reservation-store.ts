import {
  insertRows,
  type Reader,
  RunAgainError,
  type SetTransaction,
  type SqlValue,
  type Transaction,
} from "@parley/store";
import type { Reservation, ReservedItem } from "./reservation.ts";

interface ReservationRow {
  readonly order_id: string;
  readonly state: Reservation["state"];
  readonly items: string;
  readonly create_time: number;
}

/** An item in the `items` column: product, name, quantity, currency, units, nanos. Units stay far below 2^53. */
type StoredItem = readonly [string, string, number, string, number, number];

/** Reads the reservation of an order, reserved or released. */
export async function findReservation(reader: Reader, orderId: string): Promise<Reservation | undefined> {
  const row = await reader.get<ReservationRow>(
    "SELECT order_id, state, items, create_time FROM reservations WHERE order_id = ?",
    orderId,
  );
  return row && fromRow(row);
}

/** Reads and locks the reservation of an order until the transaction ends. */
export async function lockReservation(transaction: Transaction, orderId: string): Promise<Reservation | undefined> {
  const row = await transaction.get<ReservationRow>(
    "SELECT order_id, state, items, create_time FROM reservations WHERE order_id = ? FOR UPDATE",
    orderId,
  );
  return row && fromRow(row);
}

/** Reads the existing reservations of some orders. */
export async function findReservations(
  transaction: SetTransaction,
  orderIds: readonly string[],
): Promise<ReadonlyMap<string, Reservation>> {
  const rows = await transaction.all<ReservationRow>(
    "SELECT order_id, state, items, create_time FROM reservations WHERE order_id = ANY(?::text[])",
    orderIds,
  );
  return new Map(rows.map((row) => [row.order_id, fromRow(row)]));
}

/** Sends new reservations. If another transaction was faster for one of their orders, this one is run again. */
export function sendReservations(transaction: SetTransaction, reservations: readonly Reservation[]): void {
  if (reservations.length === 0) {
    return;
  }
  const rows = reservations.map(rowOf);
  const parameters = rowTypes.map((_, index) => rows.map((row) => row[index] ?? null));
  transaction.send({ sql: insertManySql, parameters, runAgainIfTaken: true });
}

const rowTypes = ["text", "text", "text", "int8"];
const insertManySql = `
  INSERT INTO reservations (order_id, state, items, create_time)
  SELECT * FROM unnest(${rowTypes.map((type) => `?::${type}[]`).join(", ")})`;

/** Inserts new reservations. Throws {@link RunAgainError} if another transaction was faster for one of their orders. */
export async function insertReservations(
  transaction: Pick<Transaction, "run" | "insertRows">,
  reservations: readonly Reservation[],
): Promise<void> {
  const inserted = await insertRows(transaction, {
    into: "INSERT INTO reservations (order_id, state, items, create_time)",
    rows: reservations.map(rowOf),
    ending: "ON CONFLICT (order_id) DO NOTHING",
  });
  if (inserted !== reservations.length) {
    throw new RunAgainError("Another call reserved or released stock for the same order at the same time.");
  }
}

/** Turns a reservation into a tombstone. */
export async function markReleased(transaction: Transaction, orderId: string): Promise<void> {
  const changed = await transaction.run(
    "UPDATE reservations SET state = 'released' WHERE order_id = ? AND state = 'reserved'",
    orderId,
  );
  if (changed !== 1) {
    throw new Error(`reservation of order ${orderId} changed while its row was locked`);
  }
}

function fromRow(row: ReservationRow): Reservation {
  return {
    orderId: row.order_id,
    state: row.state,
    items: (JSON.parse(row.items) as readonly StoredItem[]).map(fromStored),
    createTimeMs: row.create_time,
  };
}

function rowOf({ orderId, state, items, createTimeMs }: Reservation): readonly SqlValue[] {
  return [orderId, state, JSON.stringify(items.map(toStored)), createTimeMs];
}

function toStored(item: ReservedItem): StoredItem {
  const { productId, productName, quantity, unitPrice } = item;
  return [productId, productName, quantity, unitPrice.currency, Number(unitPrice.units), unitPrice.nanos];
}

function fromStored([productId, productName, quantity, currency, units, nanos]: StoredItem): ReservedItem {
  return { productId, productName, quantity, unitPrice: { currency, units: BigInt(units), nanos } };
}
