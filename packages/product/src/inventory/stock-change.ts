/** A change of a product's stock, after it happened. */
export interface StockChange {
  readonly productId: string;
  readonly productName: string;
  /** The units that can be sold after the change. */
  readonly stock: number;
  /** The units that came or, if negative, went. */
  readonly delta: number;
  readonly lowStockThreshold: number;
}

/**
 * Whether the shop is to be told that little is left: the stock was above the threshold and no longer is. So it is told
 * once, and again only after the stock rose above the threshold.
 */
export function fellLow(change: StockChange): boolean {
  const before = change.stock - change.delta;
  return isLow(change.stock, change.lowStockThreshold) && !isLow(before, change.lowStockThreshold);
}

/** Whether so many units count as little. */
export function isLow(stock: number, lowStockThreshold: number): boolean {
  return stock <= lowStockThreshold;
}

/**
 * A stock, or its change, as the contract's int32 can say it. Stock that comes back on top of a full stock may go beyond; the books
 * keep the true number.
 */
export function sayable(units: number): number {
  return Math.max(-2_147_483_648, Math.min(units, 2_147_483_647));
}
