import { randomUUID } from "node:crypto";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { reasonOf } from "@parley/rpc";
import { withToken } from "./protocols.ts";

/** The steps of deploy/smoke.sh by an RPC protocol: users, a product, orders, the list, what must be refused, and a guest's order. */
export async function rpcSmoke(transport: Transport, adminToken: string): Promise<string> {
  const users = createClient(UserService, transport);
  const products = createClient(ProductService, withToken(transport, adminToken));
  const run = randomUUID();

  const withoutPassword = `none-${run}@example.com`;
  await users.createUser({ name: "Smoke Test", email: withoutPassword });
  await refused(users.login({ email: withoutPassword, password: run }), Code.Unauthenticated);
  const email = `${run}@example.com`;
  await users.createUser({ name: "Smoke Test", email, password: run });
  const { accessToken, user } = await users.login({ email, password: run });
  const userId = user?.id ?? "";

  const price = { currencyCode: "USD", units: 199n, nanos: 990_000_000 };
  const { product } = await products.createProduct({ name: `Smoke Test ${run}`, price, stock: 10 });
  const productId = product?.id ?? "";

  const orders = createClient(OrderService, withToken(transport, accessToken));
  const request = { userId, productId, quantity: 1, requestId: randomUUID() };
  const { order } = await orders.createOrder(request);
  same("the order's state", order?.state, OrderState.CONFIRMED);
  same("the order's total", `${order?.totalPrice?.units}.${order?.totalPrice?.nanos}`, "199.990000000");
  same("the same request's order", (await orders.createOrder(request)).order?.id, order?.id);
  const listed = (await orders.listOrders({ userId })).orders.map(({ id }) => id);
  same("the user's orders", listed.join(" "), order?.id);
  const unknown = orders.createOrder({ userId, productId: "no-such-product", quantity: 1 });
  await refused(unknown, Code.NotFound, "PRODUCT_NOT_FOUND");

  const guests = createClient(OrderService, transport);
  const guest = await guests.createOrder({ productId, quantity: 1, guestEmail: `guest-${run}@example.com` });
  same("the guest's order's state", guest.order?.state, OrderState.CONFIRMED);
  await products.deleteProduct({ productId });
  return `order ${order?.id}`;
}

function same(what: string, is: unknown, expected: unknown): void {
  if (is !== expected) throw new Error(`${what}: ${String(is)} instead of ${String(expected)}`);
}

async function refused(call: Promise<unknown>, code: Code, reason?: string): Promise<void> {
  const error = await call.then(
    () => undefined,
    (cause) => ConnectError.from(cause),
  );
  same("the code of a call that must be refused", error && Code[error.code], Code[code]);
  if (reason !== undefined) same("its reason", error && reasonOf(error)?.reason, reason);
}
