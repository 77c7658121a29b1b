import type { CallContext, Clock } from "@parley/rpc";
import type { Command, Outcome, SetTransaction, Transaction } from "@parley/store";
import type { ProductEvents } from "../product-events.ts";
import { findProducts, lockStock, type MovedStock, moveStock, moveStocks, type Stock } from "../product-store.ts";
import {
  type Availability,
  inLockOrder,
  type Reservation,
  type ReservedItem,
  refusal,
  repeatReservation,
  type StockLine,
} from "./reservation.ts";
import { findReservation, findReservations, insertReservations, sendReservations } from "./reservation-store.ts";

/** A reservation to make: a line for each product. */
export interface ReserveInput {
  readonly orderId: string;
  readonly lines: readonly StockLine[];
  readonly cause?: CallContext | undefined;
}

/** Reserves stock for an order, all lines or none. */
export function reserveCommand({
  events,
  clock,
}: {
  readonly events: ProductEvents;
  readonly clock: Clock;
}): Command<ReserveInput, Reservation> {
  return {
    name: "ReserveStock",

    async one(transaction, { orderId, lines, cause }) {
      const existing = await findReservation(transaction, orderId);
      if (existing !== undefined) {
        // Returned only after the commit: the first call's reservation may not be durable before.
        return repeatReservation(existing, lines);
      }
      const nowMs = clock.now();
      const taken = await takeAll(transaction, lines, nowMs);
      const items = lines.map((line) => reservedItem(line, taken.get(line.productId)));
      const reservation: Reservation = { orderId, state: "reserved", items, createTimeMs: nowMs };
      await insertReservations(transaction, [reservation]);
      events.stockChanged(transaction, [...taken.values()], cause);
      return reservation;
    },

    async many(transaction, inputs) {
      const [existing, stocks] = await readAll(transaction, inputs);
      const nowMs = clock.now();
      let decided = decideAll(inputs, { existing, stocks, nowMs });
      if (decided.refusedOrderIds.length > 0) {
        // Another replica may have reserved for a repetition of the call between the two reads. The order then has the units that are short here.
        const meanwhile = await findReservations(transaction, decided.refusedOrderIds);
        if (meanwhile.size > 0) {
          decided = decideAll(inputs, { existing: new Map([...existing, ...meanwhile]), stocks, nowMs });
        }
      }
      moveStocks(transaction, decided.moves, nowMs);
      sendReservations(transaction, decided.reservations);
      for (const { change, cause } of decided.changes) {
        events.stockChanged(transaction, [change], cause);
      }
      return decided.outcomes;
    },
  };
}

/** Takes all lines. Throws, which rolls the transaction back, if one of them is short. */
async function takeAll(transaction: Transaction, lines: readonly StockLine[], nowMs: number) {
  const taken = new Map<string, MovedStock>();
  for (const { productId, quantity } of inLockOrder(lines)) {
    const change = await moveStock(transaction, { productId, delta: -quantity, nowMs });
    if (change === undefined) {
      throw await whyRefused(transaction, lines, taken);
    }
    taken.set(productId, change);
  }
  return taken;
}

async function whyRefused(
  transaction: Transaction,
  lines: readonly StockLine[],
  taken: ReadonlyMap<string, MovedStock>,
): Promise<Error> {
  const levels = new Map<string, Availability>();
  for (const [id, product] of await findProducts(transaction, productIds(lines))) {
    // The units that this transaction took are rolled back at its end.
    levels.set(id, { name: product.name, available: product.stock - (taken.get(id)?.delta ?? 0) });
  }
  return (
    refusal(lines, levels) ?? new Error("the guarded update of the stock changed no row although the stock suffices")
  );
}

function reservedItem(line: StockLine, product: Pick<MovedStock, "productName" | "price"> | undefined): ReservedItem {
  if (product === undefined) {
    throw new Error(`no stock of product ${line.productId} was taken`);
  }
  return { ...line, productName: product.productName, unitPrice: product.price };
}

function readAll(transaction: SetTransaction, inputs: readonly ReserveInput[]) {
  const ids = new Set(inputs.flatMap(({ lines }) => productIds(lines)));
  return Promise.all([
    findReservations(
      transaction,
      inputs.map(({ orderId }) => orderId),
    ),
    lockStock(transaction, [...ids].sort()),
  ]);
}

/** Decides the inputs in order, and sums up their changes. */
function decideAll(
  inputs: readonly ReserveInput[],
  {
    existing,
    stocks,
    nowMs,
  }: {
    readonly existing: ReadonlyMap<string, Reservation>;
    readonly stocks: ReadonlyMap<string, Stock>;
    readonly nowMs: number;
  },
) {
  const known = new Map(existing);
  const left = new Map([...stocks].map(([id, { stock }]) => [id, stock]));
  const moves = new Map<string, number>();
  const reservations: Reservation[] = [];
  const refusedOrderIds: string[] = [];
  const changes: { readonly change: MovedStock; readonly cause: CallContext | undefined }[] = [];
  const outcomes = inputs.map(({ orderId, lines, cause }): Outcome<Reservation> => {
    const before = known.get(orderId);
    if (before !== undefined) {
      return outcomeOf(() => repeatReservation(before, lines));
    }
    const levels = new Map<string, Availability>();
    for (const { productId } of lines) {
      const stock = stocks.get(productId);
      if (stock !== undefined) {
        levels.set(productId, { name: stock.productName, available: left.get(productId) ?? 0 });
      }
    }
    const refused = refusal(lines, levels);
    if (refused !== undefined) {
      refusedOrderIds.push(orderId);
      return { refusal: refused };
    }
    for (const { productId, quantity } of inLockOrder(lines)) {
      const stock = (left.get(productId) ?? 0) - quantity;
      left.set(productId, stock);
      moves.set(productId, (moves.get(productId) ?? 0) - quantity);
      changes.push({ change: { ...(stocks.get(productId) as Stock), stock, delta: -quantity }, cause });
    }
    const items = lines.map((line) => reservedItem(line, stocks.get(line.productId)));
    const reservation: Reservation = { orderId, state: "reserved", items, createTimeMs: nowMs };
    known.set(orderId, reservation);
    reservations.push(reservation);
    return { answer: reservation };
  });
  return { outcomes, moves, reservations, changes, refusedOrderIds };
}

function outcomeOf<T>(work: () => T): Outcome<T> {
  try {
    return { answer: work() };
  } catch (refusal) {
    return { refusal };
  }
}

function productIds(lines: readonly StockLine[]): readonly string[] {
  return lines.map((line) => line.productId);
}
