import type { Database } from "@parley/store";
import type { NewProduct } from "./catalogue.ts";
import { anyProduct, insertProduct } from "./product-store.ts";

/** The sample products. StockLow is published when ten of a kind are left. */
export const sampleProducts: readonly NewProduct[] = [
  sample("101", "Laptop", { units: 999n, cents: 99, stock: 50, description: "14-inch laptop with 16 GB of memory" }),
  sample("102", "Mouse", { units: 29n, cents: 99, stock: 200, description: "Wireless mouse with three buttons" }),
  sample("103", "Keyboard", { units: 79n, cents: 99, stock: 150, description: "Mechanical keyboard" }),
  sample("104", "Monitor", { units: 299n, cents: 99, stock: 75, description: "27-inch monitor" }),
  sample("105", "Headphones", { units: 149n, cents: 99, stock: 100, description: "Headphones that keep noise out" }),
];

/** Fills an empty catalogue; one that ever had a product, deleted or not, is left alone. */
export async function loadSampleProducts(database: Database, nowMs: number): Promise<void> {
  await database.transaction(async (transaction) => {
    if (await anyProduct(transaction)) {
      return;
    }
    for (const product of sampleProducts) {
      // Another replica may be filling the same catalogue.
      await insertProduct(transaction, { ...product, version: 1, createTimeMs: nowMs, updateTimeMs: nowMs });
    }
  });
}

interface SampleDetails {
  readonly units: bigint;
  readonly cents: number;
  readonly stock: number;
  readonly description: string;
}

function sample(id: string, name: string, { units, cents, stock, description }: SampleDetails): NewProduct {
  const price = { currency: "USD", units, nanos: cents * 10_000_000 };
  return { id, name, description, price, stock, lowStockThreshold: 10 };
}
