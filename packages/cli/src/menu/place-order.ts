import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { number } from "@inquirer/prompts";
import { CreateOrderResponseSchema } from "@parley/gen/order/v1/order_service_pb.js";
import type { Product } from "@parley/gen/product/v1/product_pb.js";
import { failureLines } from "../outcome/failure.ts";
import { moneyText } from "../render/field-text.ts";
import { printable } from "../render/printable.ts";
import { withProgress } from "../terminal/progress.ts";
import { collectOrderTrace, newTrace } from "../trace/order-trace.ts";
import { followOrder } from "./follow-order.ts";
import type { MenuOptions } from "./menu-options.ts";
import { pick } from "./pick.ts";
import { show, showAnswer } from "./show.ts";

/** As many as the arrow keys can reasonably reach. */
const choicesMax = 50;
/** What the contract allows of one product. */
const quantityMax = 10_000;

interface Line {
  readonly product: Product;
  readonly quantity: number;
}

/** Asks who buys what, places the order, and shows how the services talked about it. */
export async function placeOrder(options: MenuOptions): Promise<void> {
  const { shop, terminal } = options;
  const { headers } = shop;
  const { users } = await shop.users.listUsers({ pageSize: choicesMax }, { headers });
  const { products } = await shop.products.listProducts({ pageSize: choicesMax }, { headers });
  if (users.length === 0 || products.length === 0) {
    show(terminal, ["There must be a user and a product first."]);
    return;
  }
  const userId = await pick(
    "Who buys?",
    users.map(({ id, name }) => ({ name: printable(`${name} (${id})`), value: id })),
  );
  const lines = await chooseLines(products);
  const { traceId, traceparent } = newTrace();
  const traced = new Headers(headers);
  traced.set("traceparent", traceparent);
  let confirmed = false;
  try {
    const items = lines.map(({ product, quantity }) => ({ productId: product.id, quantity }));
    const { order } = await shop.orders.createOrder(
      { userId, items, requestId: crypto.randomUUID() },
      { headers: traced },
    );
    confirmed = true;
    showAnswer(
      terminal,
      CreateOrderResponseSchema,
      create(CreateOrderResponseSchema, order === undefined ? {} : { order }),
    );
  } catch (error) {
    const failure = ConnectError.from(error);
    show(terminal, failureLines(failure, terminal));
    if (failure.code === Code.Unavailable) {
      return;
    }
  }
  const trace = await withProgress(
    terminal,
    () => "Asking the services what they did",
    collectOrderTrace(traceId, { services: options.services, portOffset: options.portOffset, confirmed }),
  );
  await followOrder(trace, terminal);
}

async function chooseLines(products: readonly Product[]): Promise<readonly Line[]> {
  const lines: Line[] = [];
  while (true) {
    const product = await pick<Product | undefined>(lines.length === 0 ? "What?" : "What else?", [
      ...(lines.length === 0 ? [] : [{ name: `Place the order (${linesInWords(lines)})`, value: undefined }]),
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
