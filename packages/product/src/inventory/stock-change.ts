/** A change of a product's stock. */
export interface StockChange {
  readonly productId: string;
  readonly productName: string;
  /** The available units after the change. */
  readonly stock: number;
  /** The units added or, if negative, removed. */
  readonly delta: number;
  readonly lowStockThreshold: number;
}

/**
 * Whether StockLow is due: the stock was above the threshold and no longer is. So it is published
 * once, and again only after the stock rose above the threshold.
 */
export function fellLow(change: StockChange): boolean {
  const before = change.stock - change.delta;
  return isLow(change.stock, change.lowStockThreshold) && !isLow(before, change.lowStockThreshold);
}

/** Whether the number of units is low. */
export function isLow(stock: number, lowStockThreshold: number): boolean {
  return stock <= lowStockThreshold;
}

/**
 * A stock, or a change of it, within the contract's int32. A release on top of a full stock may exceed it; the database
 * keeps the true number.
 */
export function clampToInt32(units: number): number {
  return Math.max(-2_147_483_648, Math.min(units, 2_147_483_647));
}
