import type { Product } from "@parley/client";
import { computed, signal } from "@preact/signals";
import { parley } from "../session/api.ts";

/** The maximum number of products that the page keeps. */
const productsMax = 1_000;

/** The catalogue by id, oldest first. Undefined until loaded. */
export const products = signal<ReadonlyMap<string, Product> | undefined>(undefined);
export const productsError = signal<unknown>(undefined);

export const productList = computed(() => [...(products.value?.values() ?? [])]);

export async function readProducts(): Promise<void> {
  try {
    const all = new Map<string, Product>();
    let pageToken = "";
    do {
      const page = await parley.products.listProducts({ pageSize: 100, pageToken });
      for (const product of page.products) {
        all.set(product.id, product);
      }
      pageToken = page.nextPageToken;
    } while (pageToken !== "" && all.size < productsMax);
    products.value = all;
    productsError.value = undefined;
  } catch (error) {
    productsError.value = error;
  }
}

/** Replaces a product by its current version. */
export function putProduct(product: Product | undefined): void {
  if (product !== undefined) {
    products.value = new Map(products.value).set(product.id, product);
  }
}

/** Applies stock changes, keyed by product. Unknown products are ignored: the next load includes them. */
export function putStock(changes: ReadonlyMap<string, number>): void {
  const { value } = products;
  if (value === undefined) {
    return;
  }
  const next = new Map(value);
  for (const [id, stock] of changes) {
    const product = next.get(id);
    if (product !== undefined && product.stock !== stock) {
      next.set(id, { ...product, stock });
    }
  }
  products.value = next;
}
