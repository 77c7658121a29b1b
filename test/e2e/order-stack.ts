import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { Order } from "@parley/gen/order/v1/order_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import { eventually } from "../processes/eventually.ts";
import { allOrders } from "../processes/every-page.ts";
import type { Program } from "../processes/program.ts";
import { serviceProgram } from "../processes/service-program.ts";

export { eventually };

/** The services that an order needs, each in its own process, with clients. */
export interface OrderStack {
  readonly user: Program;
  readonly product: Program;
  readonly order: Program;
  readonly orders: Client<typeof OrderService>;
  readonly products: Client<typeof ProductService>;
  readonly inventory: Client<typeof InventoryService>;
  stockOf(productId: string): Promise<number>;
  /** All orders, newest first. */
  allOrders(): Promise<readonly Order[]>;
  /** Kills the running programs and removes the data. */
  dispose(): Promise<void>;
}

/** Starts user, product and order with sample data. `orderMain` replaces the order service's `main.ts`. */
export async function startOrderStack(orderMain = "packages/order/src/main.ts"): Promise<OrderStack> {
  const folder = await mkdtemp(join(tmpdir(), "parley-orders-"));
  const service = (name: string, main: string, settings: Readonly<Record<string, string>> = {}) =>
    serviceProgram({ name, main, databasePath: join(folder, `${name}.db`), settings });
  const user = await service("user", "packages/user/src/main.ts");
  const product = await service("product", "packages/product/src/main.ts");
  const order = await service("order", orderMain, { USER_SERVICE_URL: user.url, PRODUCT_SERVICE_URL: product.url });
  const all = [order, product, user];
  async function dispose() {
    await Promise.all(all.map((each) => each.kill()));
    await rm(folder, { recursive: true, force: true });
  }
  try {
    await Promise.all(all.map((each) => each.start()));
  } catch (error) {
    await dispose();
    throw error;
  }
  const environment = systemEnvironment({ name: "test", logLevel: "silent" });
  const orders = createServiceClient(OrderService, order.url, { environment });
  const products = createServiceClient(ProductService, product.url, { environment });
  const inventory = createServiceClient(InventoryService, product.url, { environment });

  // On a busy machine the first call through new processes may exceed its contract's deadline: tests start once a call has
  // succeeded. An order for an unknown product is not stored.
  const askedForNothing = () =>
    orders.createOrder({ userId: "1", items: [{ productId: "no-such-product", quantity: 1 }] }).then(
      () => undefined,
      (error: unknown) => ConnectError.from(error).code,
    );
  await eventually(askedForNothing, (code) => code === Code.NotFound);

  async function stockOf(id: string): Promise<number> {
    return (await products.getProduct({ productId: id })).product?.stock ?? Number.NaN;
  }

  return { user, product, order, orders, products, inventory, stockOf, allOrders: () => allOrders(orders), dispose };
}
