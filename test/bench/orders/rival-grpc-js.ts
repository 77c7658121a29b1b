import { create } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService, ValidateUserResponseSchema } from "@parley/gen/user/v1/user_service_pb.js";
import { boughtLines, orderAnswer, productAnswer, reservationAnswer } from "./answers.ts";
import { openOrders, openProducts, openUsers } from "./durable-flow.ts";
import { add, caller, start } from "./grpc-js-service.ts";

/** The rival on grpc-js: one of its three services, `node rival-grpc-js.ts <role> <folder> [user port] [product port]`. */
const [, , role = "", folder = "", userPort = "", productPort = ""] = process.argv;

start(
  {
    user() {
      const users = openUsers(folder);
      add(UserService.method.validateUser, ({ userId }) => {
        const user = users.validate(userId);
        if (user === undefined) {
          throw Object.assign(new Error(`there is no user ${userId}`), { code: status.NOT_FOUND });
        }
        return create(ValidateUserResponseSchema, { valid: true, ...user });
      });
    },
    product() {
      const products = openProducts(folder);
      add(ProductService.method.getProduct, ({ productId }) => productAnswer(productId, products.stock(productId)));
      add(InventoryService.method.reserveStock, ({ orderId, items }) => {
        const lines = products.reserve(orderId, items);
        if (lines === undefined) {
          throw Object.assign(new Error("there is not enough in stock"), { code: status.FAILED_PRECONDITION });
        }
        return reservationAnswer(orderId, lines);
      });
    },
    order() {
      const orders = openOrders(folder);
      const users = caller(userPort);
      const inventory = caller(productPort);
      const { validateUser } = UserService.method;
      const { reserveStock } = InventoryService.method;
      add(OrderService.method.createOrder, async ({ userId, items }) => {
        const wanted = items.map(({ productId, quantity }) => ({ productId, quantity }));
        const id = orders.begin(userId, wanted);
        const { name, email } = await users(validateUser, create(validateUser.input, { userId }));
        const lines = boughtLines(
          await inventory(
            reserveStock,
            create(reserveStock.input, {
              orderId: id,
              items: wanted.map((line) => ({ ...line, $typeName: "product.v1.StockLine" as const })),
            }),
          ),
        );
        orders.confirm(id, { lines, name, email });
        return orderAnswer(id, { userId, name, email, lines });
      });
    },
  },
  role,
);
