import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { CreateOrderResponseSchema } from "@parley/gen/order/v1/order_service_pb.js";
import { type Call, SpanKind } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { failureLines } from "../outcome/failure.ts";
import { printable } from "../render/printable.ts";
import { newTrace } from "../telemetry/new-trace.ts";
import { followTrace, isAnswered } from "./follow-trace.ts";
import type { MenuOptions } from "./menu-options.ts";
import { chooseLines } from "./order-lines.ts";
import { pick } from "./pick.ts";
import { show, showAnswer } from "./show.ts";

/** As many as arrow keys can reasonably reach. */
const choicesMax = 50;

/** The order's event has taken effect: its notification is written and sent. */
function isEffect({ kind }: Call): boolean {
  return kind === SpanKind.EVENT_CONSUME;
}

/** Asks for a buyer and products, places the order, and shows the calls. */
export async function placeOrder(options: MenuOptions): Promise<void> {
  const { shop, terminal } = options;
  const { headers } = shop;
  const { users } = await shop.users.listUsers({ pageSize: choicesMax }, { headers });
  const { products } = await shop.products.listProducts({ pageSize: choicesMax }, { headers });
  if (users.length === 0 || products.length === 0) {
    show(terminal, ["Create a user and a product first."]);
    return;
  }
  const userId = await pick(
    "Which user?",
    users.map(({ id, name }) => ({ name: printable(`${name} (${id})`), value: id })),
  );
  const lines = await chooseLines(products, { done: "Place the order" });
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
  await followTrace(traceId, {
    ...options,
    isWhole: (calls) => isAnswered(calls, options) && (!confirmed || calls.some(isEffect)),
  });
}
