import type { CallContext } from "@parley/rpc";
import type { Transaction } from "@parley/store";
import { isLow } from "./inventory/stock-change.ts";
import { changeProduct, checkEtag, type Product, type ProductChange } from "./product.ts";
import { productNotFound } from "./product-errors.ts";
import type { ProductEvents } from "./product-events.ts";
import * as store from "./product-store.ts";

/** The data of a new product. */
export type NewProduct = Pick<Product, "id" | "name" | "description" | "price" | "stock" | "lowStockThreshold">;

/** A product and the change to make. */
export interface ProductEdit {
  readonly id: string;
  /** The etag or revision that the writer read. Empty: no comparison. */
  readonly etag: string;
  readonly change: ProductChange;
  readonly nowMs: number;
  readonly cause?: CallContext | undefined;
}

/** Adds a product to the catalogue. One that starts low causes no StockLow: its stock did not fall. */
export async function addProduct(transaction: Transaction, fields: NewProduct, nowMs: number): Promise<Product> {
  const product: Product = { ...fields, version: 1, createTimeMs: nowMs, updateTimeMs: nowMs };
  if (!(await store.insertProduct(transaction, product))) {
    throw new Error(`product ${product.id} exists already`);
  }
  return product;
}

/** Changes a product; returns the product after it. Throws PRODUCT_NOT_FOUND, ETAG_MISMATCH, INVALID_FIELD. */
export async function editProduct(
  transaction: Transaction,
  events: ProductEvents,
  { id, etag, change, nowMs, cause }: ProductEdit,
): Promise<Product> {
  const product = await lockProductWithEtag(transaction, { id, etag });
  const changed = changeProduct(product, change, nowMs);
  if (changed === product) {
    return product;
  }
  await store.updateProduct(transaction, changed);
  const { stock, name: productName, lowStockThreshold } = changed;
  // A raised threshold makes a stock low, as a sale does.
  if (isLow(stock, lowStockThreshold) && !isLow(stock, product.lowStockThreshold)) {
    events.stockLow(transaction, { productId: id, productName, stock, delta: 0, lowStockThreshold }, cause);
  }
  return changed;
}

/** Deletes a product from the catalogue. Throws PRODUCT_NOT_FOUND, ETAG_MISMATCH. */
export async function removeProduct(
  transaction: Transaction,
  { id, etag, nowMs }: Pick<ProductEdit, "id" | "etag" | "nowMs">,
): Promise<void> {
  await lockProductWithEtag(transaction, { id, etag });
  await store.deleteProduct(transaction, id, nowMs);
}

async function lockProductWithEtag(
  transaction: Transaction,
  { id, etag }: { readonly id: string; readonly etag: string },
): Promise<Product> {
  const product = await store.lockProduct(transaction, id);
  if (product === undefined) {
    throw productNotFound([id]);
  }
  checkEtag(product, etag);
  return product;
}
