import { multiply } from "./money.ts";
import type { Order, OrderItem, OrderPhase } from "./order.ts";
import type { Refusal } from "./order-errors.ts";

/** A row of the table `orders`. */
export interface OrderRow {
  readonly id: string;
  readonly user_id: string;
  readonly user_name: string;
  readonly user_email: string;
  readonly items: string;
  readonly total_units: number | bigint | null;
  readonly total_nanos: number | null;
  readonly currency: string | null;
  readonly phase: OrderPhase;
  readonly state_reason: string;
  readonly refusal: string | null;
  readonly request_id: string | null;
  readonly revision: number;
  readonly create_time: number;
  readonly update_time: number;
  readonly confirm_time: number | null;
}

/** The columns of {@link OrderRow}. */
export const orderColumns =
  "id, user_id, user_name, user_email, items, total_units, total_nanos, currency, phase, state_reason, refusal, request_id, " +
  "revision, create_time, update_time, confirm_time";

/** The order in a row. */
export function orderOfRow(row: OrderRow): Order {
  const currencyCode = row.currency ?? "";
  return {
    id: row.id,
    userId: row.user_id,
    userName: row.user_name,
    userEmail: row.user_email,
    items: parseItems(row.items, currencyCode),
    totalPrice:
      row.total_units === null
        ? undefined
        : { units: BigInt(row.total_units), nanos: row.total_nanos ?? 0, currencyCode },
    phase: row.phase,
    stateReason: row.state_reason,
    refusal: row.refusal === null ? undefined : (JSON.parse(row.refusal) as Refusal),
    requestId: row.request_id ?? undefined,
    revision: row.revision,
    createTimeMs: row.create_time,
    updateTimeMs: row.update_time,
    confirmTimeMs: row.confirm_time ?? undefined,
  };
}

/** The lines in the column `items`. Unit prices are whole numbers below 2^53: totals are bounded (money.ts). */
export function formatItems(items: readonly OrderItem[]): string {
  return JSON.stringify(
    items.map(
      ({ productId, quantity, productName, unitPrice }): StoredItem =>
        unitPrice === undefined || productName === undefined
          ? [productId, quantity]
          : [productId, quantity, productName, Number(unitPrice.units), unitPrice.nanos],
    ),
  );
}

type StoredItem = [productId: string, quantity: number, productName?: string, units?: number, nanos?: number];

function parseItems(text: string, currencyCode: string): readonly OrderItem[] {
  return (JSON.parse(text) as StoredItem[]).map(([productId, quantity, productName, units, nanos]) => {
    if (productName === undefined || units === undefined || nanos === undefined) return { productId, quantity };
    const unitPrice = { units: BigInt(units), nanos, currencyCode };
    return { productId, quantity, productName, unitPrice, totalPrice: multiply(unitPrice, quantity) };
  });
}
