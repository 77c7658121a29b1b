import { create } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { EventService } from "@parley/gen/event/v1/event_service_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService, ValidateUserResponseSchema } from "@parley/gen/user/v1/user_service_pb.js";
import { boughtLines, orderAnswer, productAnswer, reservationAnswer } from "./answers.ts";
import { openNotifications, openOrders, openProducts, openUsers } from "./durable-flow-postgres.ts";
import { add, caller, start } from "./grpc-js-service.ts";

/**
 * The rival on grpc-js and pg: one of its four services, `node rival-postgres.ts <role> <database url> [user port] [product port] [notification
 * port]`.
 */
const [, , role = "", url = "", userPort = "", productPort = "", notificationPort = ""] = process.argv;

start(
  {
    async user() {
      const users = await openUsers(url);
      add(UserService.method.validateUser, async ({ userId }) => {
        const user = await users.validate(userId);
        if (user === undefined) {
          throw Object.assign(new Error(`there is no user ${userId}`), { code: status.NOT_FOUND });
        }
        return create(ValidateUserResponseSchema, { valid: true, ...user });
      });
    },
    async product() {
      const products = await openProducts(url);
      add(ProductService.method.getProduct, async ({ productId }) =>
        productAnswer(productId, await products.stock(productId)),
      );
      add(InventoryService.method.reserveStock, async ({ orderId, items }) => {
        const lines = await products.reserve(orderId, items);
        if (lines === undefined) {
          throw Object.assign(new Error("there is not enough in stock"), { code: status.FAILED_PRECONDITION });
        }
        return reservationAnswer(orderId, lines);
      });
    },
    async notification() {
      const notifications = await openNotifications(url);
      const { deliver } = EventService.method;
      add(deliver, async ({ events }) => {
        const confirmed = events.flatMap(({ id, payload }) =>
          payload.case === "orderConfirmed"
            ? [{ id, orderId: payload.value.orderId, email: payload.value.userEmail }]
            : [],
        );
        await notifications.add(confirmed);
        return create(deliver.output, {});
      });
    },
    async order() {
      const orders = await openOrders(url);
      const users = caller(userPort);
      const inventory = caller(productPort);
      const subscriber = caller(notificationPort);
      const { deliver } = EventService.method;
      const { validateUser } = UserService.method;
      const { reserveStock } = InventoryService.method;
      void orders.relay(async (rows) => {
        const events = rows.map((row) =>
          create(EventSchema, {
            id: row.id,
            source: "/services/order",
            type: "order.confirmed",
            payload: {
              case: "orderConfirmed",
              value: {
                orderId: row.order_id,
                userId: row.user_id,
                userName: row.user_name,
                userEmail: row.user_email,
              },
            },
          }),
        );
        await subscriber(deliver, create(deliver.input, { events }));
      });
      add(OrderService.method.createOrder, async ({ userId, items }) => {
        const wanted = items.map(({ productId, quantity }) => ({ productId, quantity }));
        const id = await orders.begin(userId, wanted);
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
        await orders.confirm(id, { lines, name, email });
        return orderAnswer(id, { userId, name, email, lines });
      });
    },
  },
  role,
);
