import { number } from "@inquirer/prompts";
import type { Product } from "@parley/gen/product/v1/product_pb.js";
import { moneyText } from "../render/field-text.ts";
import { printable } from "../render/printable.ts";
import { pick } from "./pick.ts";

/** The contract's limit for one product. */
const quantityMax = 10_000;

/** A product and a quantity. */
export interface Line {
  readonly product: Product;
  readonly quantity: number;
}

/** Asks for products and quantities until `done` is chosen. */
export async function chooseLines(
  products: readonly Product[],
  { done }: { readonly done: string },
): Promise<readonly Line[]> {
  const lines: Line[] = [];
  while (true) {
    const product = await pick<Product | undefined>(lines.length === 0 ? "Which product?" : "Another product?", [
      ...(lines.length === 0 ? [] : [{ name: `${done} (${linesInWords(lines)})`, value: undefined }]),
      ...products.map((one) => ({ name: productInWords(one), value: one })),
    ]);
    if (product === undefined) {
      return lines;
    }
    const quantity = await number({
      message: "How many?",
      default: 1,
      min: 1,
      max: quantityMax,
      required: true,
    });
    lines.push({ product, quantity: quantity ?? 1 });
  }
}

function productInWords({ name, price, stock }: Product): string {
  const amount = price === undefined ? "" : moneyText(price.units, price.nanos, price.currencyCode);
  return printable(`${name}, ${amount}, ${stock} in stock`);
}

function linesInWords(lines: readonly Line[]): string {
  return printable(lines.map(({ product, quantity }) => `${quantity} × ${product.name}`).join(", "));
}
