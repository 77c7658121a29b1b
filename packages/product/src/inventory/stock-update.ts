import type { CallContext } from "@parley/rpc";
import type { Transaction } from "@parley/store";
import { checkEtag, type Product, stockMax } from "../product.ts";
import { ProductError, productNotFound } from "../product-errors.ts";
import type { ProductEvents } from "../product-events.ts";
import { lockProduct, moveStock } from "../product-store.ts";

/** A change of a product's stock. */
export interface StockUpdate {
  readonly productId: string;
  /** The etag or revision that the writer read. Empty: no comparison. */
  readonly etag: string;
  /** The new number of units, or a difference (negative: fewer). */
  readonly change: { readonly case: "stock" | "delta"; readonly value: number };
  readonly nowMs: number;
  readonly cause?: CallContext | undefined;
}

/**
 * Sets a product's stock or adds to it; returns the product after it. Throws PRODUCT_NOT_FOUND, ETAG_MISMATCH, INSUFFICIENT_STOCK if
 * the result would be negative, STOCK_TOO_LARGE if it exceeds a product's limit.
 */
export async function updateStock(
  transaction: Transaction,
  events: ProductEvents,
  { productId, etag, change, nowMs, cause }: StockUpdate,
): Promise<Product> {
  const product = await lockProduct(transaction, productId);
  if (product === undefined) {
    throw productNotFound([productId]);
  }
  checkEtag(product, etag);
  const delta = change.case === "stock" ? change.value - product.stock : change.value;
  checkRange(product, delta);
  if (delta === 0) {
    return product;
  }
  const moved = await moveStock(transaction, { productId, delta, nowMs });
  if (moved === undefined) {
    throw new Error(`the stock of product ${productId} changed while its row was locked`);
  }
  events.stockChanged(transaction, [moved], cause);
  return { ...product, stock: moved.stock, updateTimeMs: nowMs };
}

function checkRange(product: Product, delta: number): void {
  const { id: productId, name: productName, stock } = product;
  if (stock + delta < 0) {
    const message = `Not enough in stock. ${productName} (${productId}): ${-delta} to remove, ${stock} available.`;
    throw new ProductError("INSUFFICIENT_STOCK", message, {
      productId,
      productName,
      requested: String(-delta),
      available: String(stock),
    });
  }
  // A decrease is always allowed: released stock may have lifted it over the limit.
  if (delta > 0 && stock + delta > stockMax) {
    throw new ProductError(
      "STOCK_TOO_LARGE",
      `A product has at most ${stockMax} units; this would make ${stock + delta}.`,
      {
        productId,
        stockMax: String(stockMax),
      },
    );
  }
}
