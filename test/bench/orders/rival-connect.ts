import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, type ConnectRouter, createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createGrpcTransport } from "@connectrpc/connect-node";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { ready } from "../ready.ts";
import { boughtLines, orderAnswer, productAnswer, reservationAnswer } from "./answers.ts";
import { openOrders, openProducts, openUsers } from "./durable-flow.ts";

/** The rival on stock Connect: one of its three services, `node rival-connect.ts <role> <folder> [user port] [product port]`. */
const [, , role = "", folder = "", userPort = "", productPort = ""] = process.argv;

const roles: Readonly<Record<string, (router: ConnectRouter) => void>> = {
  user(router) {
    const users = openUsers(folder);
    router.service(UserService, {
      validateUser({ userId }) {
        const user = users.validate(userId);
        if (user === undefined) {
          throw new ConnectError(`there is no user ${userId}`, Code.NotFound);
        }
        return { valid: true, ...user };
      },
    });
  },
  product(router) {
    const products = openProducts(folder);
    router.service(ProductService, {
      getProduct: ({ productId }) => productAnswer(productId, products.stock(productId)),
    });
    router.service(InventoryService, {
      reserveStock({ orderId, items }) {
        const lines = products.reserve(orderId, items);
        if (lines === undefined) {
          throw new ConnectError("there is not enough in stock", Code.FailedPrecondition);
        }
        return reservationAnswer(orderId, lines);
      },
    });
  },
  order(router) {
    const orders = openOrders(folder);
    const users = createClient(UserService, createGrpcTransport({ baseUrl: `http://127.0.0.1:${userPort}` }));
    const inventory = createClient(
      InventoryService,
      createGrpcTransport({ baseUrl: `http://127.0.0.1:${productPort}` }),
    );
    router.service(OrderService, {
      async createOrder({ userId, items }) {
        const wanted = items.map(({ productId, quantity }) => ({ productId, quantity }));
        const id = orders.begin(userId, wanted);
        const { name, email } = await users.validateUser({ userId }, { timeoutMs: 1_000 });
        const lines = boughtLines(await inventory.reserveStock({ orderId: id, items: wanted }, { timeoutMs: 1_000 }));
        orders.confirm(id, { lines, name, email });
        return orderAnswer(id, { userId, name, email, lines });
      },
    });
  },
};

const routes = roles[role];
if (routes === undefined) {
  throw new Error(`there is no role ${role}`);
}
const server = createServer(connectNodeAdapter({ routes, acceptCompression: [] }));
server.listen(0, "127.0.0.1", () => ready((server.address() as AddressInfo).port));
