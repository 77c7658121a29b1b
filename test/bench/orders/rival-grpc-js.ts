import { create, type DescMethodUnary, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Server, ServerCredentials, type ServiceError, status } from "@grpc/grpc-js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService, ValidateUserResponseSchema } from "@parley/gen/user/v1/user_service_pb.js";
import { ready } from "../ready.ts";
import { boughtLines, orderAnswer, productAnswer, reservationAnswer } from "./answers.ts";
import { openOrders, openProducts, openUsers } from "./durable-flow.ts";

/** The rival on grpc-js: one of its three services, `node rival-grpc-js.ts <role> <folder> [user port] [product port]`. */
const [, , role = "", folder = "", userPort = "", productPort = ""] = process.argv;
const server = new Server();

function path({ parent, name }: DescMethodUnary): string {
  return `/${parent.typeName}/${name}`;
}

type Handler<M extends DescMethodUnary> = (
  request: MessageShape<M["input"]>,
) => MessageShape<M["output"]> | Promise<MessageShape<M["output"]>>;

function add<M extends DescMethodUnary>(method: M, handle: Handler<M>): void {
  const definition = {
    path: path(method),
    requestStream: false as const,
    responseStream: false as const,
    requestDeserialize: (bytes: Buffer) => fromBinary(method.input, bytes) as MessageShape<M["input"]>,
    requestSerialize: (message: MessageShape<M["input"]>) => Buffer.from(toBinary(method.input, message)),
    responseSerialize: (message: MessageShape<M["output"]>) => Buffer.from(toBinary(method.output, message)),
    responseDeserialize: (bytes: Buffer) => fromBinary(method.output, bytes) as MessageShape<M["output"]>,
  };
  server.register(
    definition.path,
    (async (call: { request: MessageShape<M["input"]> }, callback: (error: unknown, answer?: unknown) => void) => {
      try {
        callback(null, await handle(call.request));
      } catch (error) {
        callback(error);
      }
    }) as never,
    definition.responseSerialize as never,
    definition.requestDeserialize as never,
    "unary",
  );
}

function caller(port: string) {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  return <M extends DescMethodUnary>(
    method: M,
    request: MessageShape<M["input"]>,
  ): Promise<MessageShape<M["output"]>> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path(method),
        (message: MessageShape<M["input"]>) => Buffer.from(toBinary(method.input, message)),
        (bytes: Buffer) => fromBinary(method.output, bytes) as MessageShape<M["output"]>,
        request,
        { deadline: Date.now() + 1_000 },
        (error: ServiceError | null, answer?: MessageShape<M["output"]>) =>
          answer === undefined ? reject(error) : resolve(answer),
      );
    });
}

const roles: Readonly<Record<string, () => void>> = {
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
};

const start = roles[role];
if (start === undefined) {
  throw new Error(`there is no role ${role}`);
}
start();
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) {
    throw error;
  }
  ready(port);
});
