import type { Reader, Transaction } from "@parley/store";
import type { Reservation, ReservedItem } from "./reservation.ts";

interface ReservationRow {
  readonly order_id: string;
  readonly state: Reservation["state"];
  readonly items: string;
  readonly create_time: number;
}

/** An item as the `items` column keeps it: product, name, quantity, currency, units, nanos. Units stay far below 2^53. */
type StoredItem = readonly [string, string, number, string, number, number];

/** Reads the reservation of an order, standing or released. */
export async function findReservation(reader: Reader, orderId: string): Promise<Reservation | undefined> {
  const row = await reader.get<ReservationRow>(
    "SELECT order_id, state, items, create_time FROM reservations WHERE order_id = ?",
    orderId,
  );
  return (
    row && {
      orderId: row.order_id,
      state: row.state,
      items: (JSON.parse(row.items) as readonly StoredItem[]).map(fromStored),
      createTimeMs: row.create_time,
    }
  );
}

export async function insertReservation(transaction: Transaction, reservation: Reservation): Promise<void> {
  await transaction.run(
    "INSERT INTO reservations (order_id, state, items, create_time) VALUES (?, ?, ?, ?)",
    reservation.orderId,
    reservation.state,
    JSON.stringify(reservation.items.map(toStored)),
    reservation.createTimeMs,
  );
}

/** Turns a standing reservation into a tombstone. */
export async function markReleased(transaction: Transaction, orderId: string): Promise<void> {
  const changed = await transaction.run(
    "UPDATE reservations SET state = 'released' WHERE order_id = ? AND state = 'reserved'",
    orderId,
  );
  if (changed !== 1) {
    throw new Error(`reservation of order ${orderId} changed inside a serializable transaction`);
  }
}

function toStored(item: ReservedItem): StoredItem {
  const { productId, productName, quantity, unitPrice } = item;
  return [productId, productName, quantity, unitPrice.currency, Number(unitPrice.units), unitPrice.nanos];
}

function fromStored([productId, productName, quantity, currency, units, nanos]: StoredItem): ReservedItem {
  return { productId, productName, quantity, unitPrice: { currency, units: BigInt(units), nanos } };
}
