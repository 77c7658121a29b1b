import { CheckStockResponseSchema } from "@parley/gen/product/v1/inventory_service_pb.js";
import type { MenuOptions } from "./menu-options.ts";
import { chooseLines } from "./order-lines.ts";
import { show, showAnswer } from "./show.ts";

/** As many as arrow keys can reasonably reach. */
const choicesMax = 50;

/** Asks for products and quantities, and shows whether they could be reserved together now. */
export async function checkStock({ shop, terminal }: MenuOptions): Promise<void> {
  const { headers } = shop;
  const { products } = await shop.products.listProducts({ pageSize: choicesMax }, { headers });
  if (products.length === 0) {
    show(terminal, ["There are no products yet."]);
    return;
  }
  const lines = await chooseLines(products, { done: "Check" });
  const items = lines.map(({ product, quantity }) => ({ productId: product.id, quantity }));
  showAnswer(terminal, CheckStockResponseSchema, await shop.inventory.checkStock({ items }, { headers }));
}
