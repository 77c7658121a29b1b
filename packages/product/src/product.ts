import { ProductError } from "./product-errors.ts";

/** The most units that a product can be given (the contract's limit of `stock`). */
export const stockMax = 1_000_000_000;

/** What one unit costs, as `google.type.Money` counts it: whole units and billionths of one. */
export interface Price {
  /** ISO 4217. */
  readonly currency: string;
  readonly units: bigint;
  readonly nanos: number;
}

/** Something that is sold. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly price: Price;
  /** The units that can be sold now. */
  readonly stock: number;
  readonly lowStockThreshold: number;
  /** Grows with each change of anything but the stock. */
  readonly version: number;
  readonly createTimeMs: number;
  readonly updateTimeMs: number;
}

/** What of a product can be changed, besides its stock. Of the price, parts that are left out stay as they are. */
export type ProductChange = Partial<Pick<Product, "name" | "description" | "lowStockThreshold">> & {
  readonly price?: Partial<Price>;
};

/** The product after a change. The same product where nothing would change. Throws INVALID_FIELD. */
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

/** What a writer sends back to show which state of the product it saw. */
export function etagOf(product: Product): string {
  return `v${product.version}`;
}

/**
 * What changes with every change, of the stock too. It holds the stock and the time, so that no counter of changes is needed where
 * stock is set aside: products with the same revision are the same in all that a caller can see.
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
