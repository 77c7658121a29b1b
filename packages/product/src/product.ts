import { ProductError } from "./product-errors.ts";

/** The most units of a product (the contract's limit of `stock`). */
export const stockMax = 1_000_000_000;

/** The price of one unit, as in `google.type.Money`: whole units and billionths. */
export interface Price {
  /** ISO 4217. */
  readonly currency: string;
  readonly units: bigint;
  readonly nanos: number;
}

/** A product of the shop. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly price: Price;
  /** The available units. */
  readonly stock: number;
  readonly lowStockThreshold: number;
  /** Increases with each change except of the stock. */
  readonly version: number;
  readonly createTimeMs: number;
  readonly updateTimeMs: number;
}

/** The fields of a product that can be changed, besides its stock. Omitted parts of the price stay unchanged. */
export type ProductChange = Partial<Pick<Product, "name" | "description" | "lowStockThreshold">> & {
  readonly price?: Partial<Price>;
};

/** The product after a change. The same product if nothing changes. Throws INVALID_FIELD. */
export function changeProduct(product: Product, change: ProductChange, nowMs: number): Product {
  if (change.name === "") {
    throw new ProductError("INVALID_FIELD", "`product.name` must not be empty.", { field: "product.name" });
  }
  const price = { ...product.price, ...change.price };
  if (change.price !== undefined && !/^[A-Z]{3}$/.test(price.currency)) {
    throw new ProductError(
      "INVALID_FIELD",
      "`product.price.currency_code` must be three capital letters (ISO 4217), such as USD.",
      {
        field: "product.price.currency_code",
      },
    );
  }
  const changed = { ...product, ...change, price };
  if (sameContent(product, changed)) {
    return product;
  }
  return { ...changed, version: product.version + 1, updateTimeMs: nowMs };
}

/** The etag of a product's current state. */
export function etagOf(product: Product): string {
  return `v${product.version}`;
}

/**
 * Changes with every change, also of the stock. It consists of the stock and the time, so that reserving stock needs no counter of
 * changes: products with the same revision are equal in everything a caller can see.
 */
export function revisionOf(product: Product): string {
  return `${etagOf(product)}.${product.stock}.${product.updateTimeMs.toString(36)}`;
}

/** Throws ETAG_MISMATCH unless the etag is empty, or the product's etag or revision. */
export function checkEtag(product: Product, etag: string): void {
  const [current, revision] = [etagOf(product), revisionOf(product)];
  if (etag !== "" && etag !== current && etag !== revision) {
    throw new ProductError(
      "ETAG_MISMATCH",
      `Product ${product.id} was changed since it was read. Read it again, and repeat the change with its \`etag\`.`,
      {
        productId: product.id,
        etag: current,
        revision,
      },
    );
  }
}

function sameContent(a: Product, b: Product): boolean {
  return (
    a.name === b.name &&
    a.description === b.description &&
    a.lowStockThreshold === b.lowStockThreshold &&
    a.price.currency === b.price.currency &&
    a.price.units === b.price.units &&
    a.price.nanos === b.price.nanos
  );
}
