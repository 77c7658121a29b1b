import type { PlatformPrograms } from "../processes/platform-programs.ts";
import type { SerialProducts } from "./ledger.ts";

/** More than a run can sell. */
const plenty = 900_000_000;

/** Creates the products of a run: some with ample stock, some that sell out. */
export async function createProducts({ products }: Pick<PlatformPrograms, "products">): Promise<{
  readonly serialProducts: SerialProducts;
  readonly plentyIds: readonly string[];
  readonly scarceIds: readonly string[];
}> {
  async function create(name: string, stock: number, lowStockThreshold = 0): Promise<string> {
    const price = { currencyCode: "USD", units: 0n, nanos: 10_000_000 };
    const { product } = await products.createProduct({ name, price, stock, lowStockThreshold });
    if (product === undefined) throw new Error("CreateProduct answered without a product");
    return product.id;
  }
  return {
    serialProducts: {
      low: await create("Serial number, low", plenty),
      high: await create("Serial number, high", plenty),
    },
    plentyIds: [await create("Postcard", plenty), await create("Paper clip", plenty)],
    scarceIds: [await create("Blue Mauritius", 20, 8), await create("First edition", 20, 8)],
  };
}
