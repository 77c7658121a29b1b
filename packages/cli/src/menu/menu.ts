import { create } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { type Order, OrderState } from "@parley/gen/order/v1/order_pb.js";
import { GetOrderResponseSchema, ListOrdersResponseSchema } from "@parley/gen/order/v1/order_service_pb.js";
import { ListProductsResponseSchema } from "@parley/gen/product/v1/product_service_pb.js";
import { ListUsersResponseSchema } from "@parley/gen/user/v1/user_service_pb.js";
import { failureLines } from "../outcome/failure.ts";
import { moneyText } from "../render/field-text.ts";
import { printable } from "../render/printable.ts";
import { checkStock } from "./check-stock.ts";
import { createUser } from "./create-user.ts";
import { sayEcho } from "./echo.ts";
import type { MenuOptions } from "./menu-options.ts";
import { pick } from "./pick.ts";
import { placeOrder } from "./place-order.ts";
import { show, showAnswer } from "./show.ts";
import { showArchitecture } from "./show-architecture.ts";

/** Rows of a list: as many as a screen holds. */
const rowsMax = 20;

/** Shows the menu, runs the choice, and shows it again, until the user quits. A failed call does not end it. */
export async function runMenu(options: MenuOptions): Promise<void> {
  const screens: Readonly<Record<string, () => Promise<void>>> = {
    users: () => showUsers(options),
    products: () => showProducts(options),
    orders: () => showOrders(options),
    place: () => placeOrder(options),
    stock: () => checkStock(options),
    "new-user": () => createUser(options),
    echo: () => sayEcho(options),
    architecture: () => showArchitecture(options),
  };
  while (true) {
    const chosen = await pick("What would you like to see?", [
      { name: "Users", value: "users" },
      { name: "Products", value: "products" },
      { name: "Orders", value: "orders" },
      { name: "Place an order, and follow it through the services", value: "place" },
      { name: "Check the stock", value: "stock" },
      { name: "Create a user", value: "new-user" },
      { name: "Call the echo services", value: "echo" },
      { name: "The architecture", value: "architecture" },
      { name: "Quit", value: "quit" },
    ]);
    const screen = screens[chosen];
    if (screen === undefined) {
      return;
    }
    try {
      await screen();
    } catch (error) {
      if (!(error instanceof ConnectError)) {
        throw error;
      }
      show(options.terminal, failureLines(error, options.terminal));
    }
  }
}

async function showUsers({ shop, terminal }: MenuOptions): Promise<void> {
  const answer = await shop.users.listUsers({ pageSize: rowsMax }, { headers: shop.headers });
  showAnswer(terminal, ListUsersResponseSchema, { ...answer, nextPageToken: "" });
}

async function showProducts({ shop, terminal }: MenuOptions): Promise<void> {
  const answer = await shop.products.listProducts({ pageSize: rowsMax }, { headers: shop.headers });
  showAnswer(terminal, ListProductsResponseSchema, { ...answer, nextPageToken: "" });
}

async function showOrders(options: MenuOptions): Promise<void> {
  const { shop, terminal } = options;
  const answer = await shop.orders.listOrders({ pageSize: rowsMax }, { headers: shop.headers });
  if (answer.orders.length === 0) {
    showAnswer(terminal, ListOrdersResponseSchema, answer);
    return;
  }
  const none: Order | undefined = undefined;
  const order = await pick<Order | undefined>("Which order?", [
    ...answer.orders.map((one) => ({ name: orderInWords(one), value: one })),
    { name: "Back", value: none },
  ]);
  if (order !== undefined) {
    await showOrder(order, options);
  }
}

async function showOrder(order: Order, { shop, terminal }: MenuOptions): Promise<void> {
  showAnswer(terminal, GetOrderResponseSchema, create(GetOrderResponseSchema, { order }));
  if (order.state !== OrderState.CONFIRMED) {
    return;
  }
  const chosen = await pick("This order", [
    { name: "Back", value: "back" },
    { name: "Cancel it, and release its stock", value: "cancel" },
  ]);
  if (chosen === "cancel") {
    const cancelled = await shop.orders.cancelOrder({ orderId: order.id }, { headers: shop.headers });
    show(terminal, [`Order ${cancelled.order?.id} is cancelled.`]);
  }
}

function orderInWords({ id, userName, userId, state, totalPrice }: Order): string {
  const price = totalPrice === undefined ? "" : moneyText(totalPrice.units, totalPrice.nanos, totalPrice.currencyCode);
  return printable(`${id}  ${userName || userId}  ${price}  ${OrderState[state]?.toLowerCase() ?? ""}`);
}
