import type { Ledger } from "./ledger.ts";

/** The initial products: the sample data of DESIGN and README. */
export const firstProducts = [
  { productId: "101", name: "Laptop", units: 999n, stock: 50 },
  { productId: "102", name: "Mouse", units: 29n, stock: 200 },
  { productId: "103", name: "Keyboard", units: 79n, stock: 150 },
  { productId: "104", name: "Monitor", units: 299n, stock: 75 },
  { productId: "105", name: "Headphones", units: 149n, stock: 100 },
] as const;

export const productIds: readonly string[] = firstProducts.map(({ productId }) => productId);

/** The shop gets an alert at this stock level or below. */
export const lowStockThreshold = 10;

/** Records the initial names and prices of the products. */
export function recordFirstPrices({ prices }: Ledger): void {
  for (const { productId, name, units } of firstProducts) {
    prices.push({ productId, name, units, currencyCode: "USD", startMs: 0, endMs: 0 });
  }
}
