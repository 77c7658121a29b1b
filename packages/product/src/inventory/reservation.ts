import type { Price } from "../product.ts";
import { listText, ProductError, productNotFound } from "../product-errors.ts";

/** A number of units of one product. */
export interface StockLine {
  readonly productId: string;
  readonly quantity: number;
}

/** Reserved units, with the current name and price, which the order stores. */
export interface ReservedItem extends StockLine {
  readonly productName: string;
  readonly unitPrice: Price;
}

/** Stock reserved for one order, now or earlier. */
export interface Reservation {
  readonly orderId: string;
  readonly state: "reserved" | "released";
  /** A line for each product. None if the order was released before any reservation. */
  readonly items: readonly ReservedItem[];
  readonly createTimeMs: number;
}

/** The stock of a product. */
export interface Availability {
  readonly name: string;
  readonly available: number;
}

/** One line for each product, in the order of their first appearance. */
export function sumLines(lines: readonly StockLine[]): readonly StockLine[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return Array.from(quantities, ([productId, quantity]) => ({ productId, quantity }));
}

/** The order in which every transaction locks products, to avoid deadlocks. */
export function inLockOrder<L extends StockLine>(lines: readonly L[]): readonly L[] {
  return lines.toSorted((a, b) => (a.productId < b.productId ? -1 : 1));
}

/**
 * The answer to a repeated reservation. Throws ORDER_RELEASED if it was released,
 * RESERVATION_DIFFERS if it was made for other lines than these (summed up).
 */
export function repeatReservation(existing: Reservation, lines: readonly StockLine[]): Reservation {
  if (existing.state === "released") {
    throw new ProductError("ORDER_RELEASED", `Order ${existing.orderId} was released: it has no reserved stock.`, {
      orderId: existing.orderId,
    });
  }
  const quantities = new Map(existing.items.map((item) => [item.productId, item.quantity]));
  const same =
    lines.length === quantities.size && lines.every((line) => quantities.get(line.productId) === line.quantity);
  if (!same) {
    throw new ProductError("RESERVATION_DIFFERS", `Order ${existing.orderId} has a reservation with other lines.`, {
      orderId: existing.orderId,
    });
  }
  return existing;
}

/** The reason why the lines (summed up) cannot be reserved from this stock. Undefined if they can. */
export function refusal(
  lines: readonly StockLine[],
  levels: ReadonlyMap<string, Availability>,
): ProductError | undefined {
  const missing = lines.filter((line) => !levels.has(line.productId));
  if (missing.length > 0) {
    return productNotFound(missing.map((line) => line.productId));
  }
  const short = lines.flatMap((line) => {
    const product = levels.get(line.productId);
    return product !== undefined && product.available < line.quantity ? [{ ...line, ...product }] : [];
  });
  const [first] = short;
  if (first === undefined) {
    return undefined;
  }
  const each = short.map(
    ({ name, productId, quantity, available }) =>
      `${name} (${productId}): ${quantity} requested, ${available} available`,
  );
  return new ProductError("INSUFFICIENT_STOCK", `Not enough in stock. ${listText(each, "; ")}.`, {
    productId: first.productId,
    productName: first.name,
    requested: String(first.quantity),
    available: String(first.available),
  });
}
