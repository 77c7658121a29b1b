// Request forms that are common in demo shops: users without a password, 201 for a created resource, numbers for prices,
// orders of one product, and orders without a user.
import { fromJson, type JsonObject, toJson } from "@bufbuild/protobuf";
import { type Client, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { createParleyClient } from "@parley/client";
import {
  CreateOrderRequestSchema,
  CreateOrderResponseSchema,
  OrderService,
} from "@parley/gen/order/v1/order_service_pb.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OpenGateway, openGateway, reasonOf } from "./open-gateway.ts";

let gateway: OpenGateway;
beforeAll(async () => {
  gateway = await openGateway({ defaultCurrency: "EUR" });
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** Places an order over one protocol. Resolves with the order in JSON, rejects with the error's words. */
type Place = (request: JsonObject) => Promise<JsonObject>;

const rpc = (transport: (baseUrl: string) => Transport) =>
  byClient((url) => createClient(OrderService, transport(url)));

function byClient(client: (url: string) => Pick<Client<typeof OrderService>, "createOrder">): () => Place {
  return () => {
    const orders = client(gateway.url);
    return async (request) => {
      const answer = await orders.createOrder(fromJson(CreateOrderRequestSchema, request)).catch((error: unknown) => {
        throw new Error(ConnectError.from(error).rawMessage, { cause: error });
      });
      return toJson(CreateOrderResponseSchema, answer, { alwaysEmitImplicit: true }) as JsonObject;
    };
  };
}

const protocols: Readonly<Record<string, () => Place>> = {
  gRPC: rpc((baseUrl) => createGrpcTransport({ baseUrl })),
  "gRPC-Web": rpc((baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })),
  "Connect, binary": rpc((baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" })),
  "Connect, JSON": rpc((baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false })),
  "the client package": byClient((baseUrl) => createParleyClient({ baseUrl }).orders),
  REST: () => async (request) => {
    const { status, body } = await gateway.ask("POST /orders", { body: request });
    if (status !== 201) {
      throw new Error(body.error.message);
    }
    return body;
  },
};

describe.each(Object.entries(protocols))("an order over %s", (_name, protocol) => {
  test("may name one product in place of a list, and no user", async () => {
    const place = protocol();
    expect(await place({ userId: "1", productId: "102", quantity: 2 })).toMatchObject({
      order: { userId: "1", userName: "Alice Johnson", items: [{ productId: "102", quantity: 2 }] },
    });
    expect(await place({ product_id: "102", quantity: 1 })).toMatchObject({
      order: { userId: "", userName: "", userEmail: "", state: "ORDER_STATE_CONFIRMED" },
    });
    const items = [{ productId: "102", quantity: 1 }];
    expect(await place({ items, guestEmail: "guest@example.com" })).toMatchObject({
      order: { userId: "", userEmail: "guest@example.com", state: "ORDER_STATE_CONFIRMED" },
    });
  });

  test("of a guest may be repeated with its request id", async () => {
    const place = protocol();
    const request = { productId: "102", quantity: 1, guestEmail: "g@example.com", requestId: crypto.randomUUID() };
    expect(await place(request)).toEqual(await place(request));
    await expect(place({ ...request, guestEmail: "h@example.com" })).rejects.toThrow("was used before");
  });

  test.each([
    [{ userId: "1" }, "`items` is required"],
    [{ productId: "102", quantity: 1, items: [{ productId: "102", quantity: 1 }] }, "Set either `items` or "],
    [{ productId: "102" }, "`quantity` must be from 1 to 10000"],
    [{ quantity: 1 }, "is required with `quantity`"],
    [{ productId: "102", quantity: 10_001 }, "10000"],
    [{ userId: "1", productId: "102", quantity: 1, guestEmail: "g@example.com" }, "is for orders without"],
    [{ productId: "102", quantity: 1, guestEmail: "no address" }, "e-mail"],
    [{ productId: "no-such-product", quantity: 1 }, "There is no product no-such-product."],
  ])("is refused with %j", async (request, words) => {
    await expect(protocol()(request)).rejects.toThrow(words);
  });
});

describe("what is created", () => {
  const bodies: Readonly<Record<string, object>> = {
    "/users": { name: "Dana", email: "dana@example.com" },
    "/products": { name: "Lamp", price: 19.9, stock: 3 },
    "/orders": { product_id: "102", quantity: 1 },
  };

  test.each(Object.entries(bodies))(
    "by POST %s is answered with 201 and its URL, also when repeated",
    async (path, body) => {
      const request = { body: { ...body, requestId: crypto.randomUUID() } };
      const first = await gateway.ask(`POST ${path}`, request);
      const [made] = Object.values(first.body) as [{ id: string; etag: string }];
      expect([first.status, first.headers.get("location")]).toEqual([201, `${path}/${made.id}`]);
      const again = await gateway.ask(`POST ${path}`, request);
      expect([again.status, again.headers.get("location"), again.body]).toEqual([
        201,
        `${path}/${made.id}`,
        first.body,
      ]);
      const read = await gateway.ask(`GET ${first.headers.get("location")}`);
      expect([read.status, read.body]).toEqual([200, first.body]);
      expect(read.headers.get("etag")).toBe(first.headers.get("etag"));
    },
  );

  test("is declared in /openapi.json for every Create method, and for no other", async () => {
    const { paths } = (await gateway.ask("GET /openapi.json")).body;
    const declared = Object.entries(paths as Record<string, Record<string, { operationId: string; responses: object }>>)
      .flatMap(([path, operations]) => Object.values(operations).map((operation) => ({ path, ...operation })))
      .map(({ path, operationId, responses }) => ({ path, name: operationId.split("_")[1] ?? "", responses }));
    expect(declared.length).toBeGreaterThan(20);
    for (const { path, name, responses } of declared) {
      const isCreate = path in bodies && name.startsWith("Create");
      expect([name, Object.keys(responses).filter((status) => status.startsWith("2"))]).toEqual([
        name,
        [isCreate ? "201" : "200"],
      ]);
      expect([name, "201" in responses && JSON.stringify(responses["201"]).includes('"location"')]).toEqual([
        name,
        isCreate,
      ]);
    }
    expect(declared.filter(({ name }) => name.startsWith("Create"))).toHaveLength(Object.keys(bodies).length);
  });

  test("is refused with the same status as before where it cannot be created", async () => {
    const taken = await gateway.ask("POST /users", { body: { name: "Alice", email: "alice@example.com" } });
    expect([taken.status, taken.headers.get("location"), reasonOf(taken)]).toEqual([409, null, "EMAIL_TAKEN"]);
  });
});

describe("a price", () => {
  const at = (price: string) => `{"name":"Pin","price":${price},"stock":1}`;

  test.each([
    ["199.99", { currencyCode: "EUR", units: "199", nanos: 990_000_000 }],
    ["0.1", { currencyCode: "EUR", units: "0", nanos: 100_000_000 }],
    ["999999999.999999999", { currencyCode: "EUR", units: "999999999", nanos: 999_999_999 }],
    ["5", { currencyCode: "EUR", units: "5", nanos: 0 }],
    ['{"currencyCode":"USD","units":"7"}', { currencyCode: "USD", units: "7", nanos: 0 }],
  ])("of %s is answered in the standard form, exactly", async (price, expected) => {
    const made = await gateway.ask("POST /products", { body: at(price) });
    expect(made.body.product.price).toEqual(expected);
    const changed = await gateway.ask(`PATCH ${made.headers.get("location")}`, { body: `{"price":${price}}` });
    expect(changed.body.product.price).toEqual(expected);
  });

  test.each([
    ["0.0000000001", "`price` must have at most 9 decimals, such as 199.99; it is 0.0000000001."],
    ["-1", "`price` must have `units` from 0 to 1000000000"],
    ["1e300", "`price` must be from -9223372036854775807 to 9223372036854775807; it is 1e300."],
  ])("of %s is refused", async (price, words) => {
    const refused = await gateway.ask("POST /products", { body: at(price) });
    expect(refused.status).toBe(400);
    expect(refused.body.error.message).toContain(words);
  });

  test("may be a number in /openapi.json, in requests alone", async () => {
    const { components, paths } = (await gateway.ask("GET /openapi.json")).body;
    const { schemas } = components;
    const inRequest = schemas["product.v1.CreateProductRequest"].properties.price;
    const inPatch =
      paths["/products/{product_id}"].patch.requestBody.content["application/json"].schema.properties.price;
    for (const { anyOf } of [inRequest, inPatch]) {
      expect(anyOf).toMatchObject([{ $ref: "#/components/schemas/google.type.Money" }, { type: "number" }]);
      expect(anyOf[1].description).toContain("EUR");
    }
    expect(schemas["product.v1.Product"].properties.price).not.toHaveProperty("anyOf");
  });
});

/** Every field of every request that holds an id, by a request that has a number there. */
const numericIds: readonly [request: string, body: object, field: string, shown: string][] = [
  ["POST /orders", { product_id: 7, quantity: 1 }, "product_id", "7"],
  ["POST /orders", { userId: 1, productId: "102", quantity: 1 }, "userId", "1"],
  ["POST /orders", { items: [{ productId: 102, quantity: 1 }] }, "items[0].productId", "102"],
  ["POST /stock:check", { items: [{ product_id: 102, quantity: 1 }] }, "items[0].product_id", "102"],
  ["POST /order.v1.OrderService/CreateOrder", { productId: 7, quantity: 1 }, "productId", "7"],
  ["POST /user.v1.UserService/BatchGetUsers", { userIds: [1] }, "userIds[0]", "1"],
  ["POST /product.v1.ProductService/GetProduct", { productId: 101 }, "productId", "101"],
];

test.each(numericIds)("%s with %j is refused with the right form of the id", async (request, body, field, shown) => {
  const refused = await gateway.ask(request, { body });
  expect(refused.status).toBe(400);
  const { message } = refused.body.error ?? refused.body;
  expect(message).toBe(`\`${field}\` must be a string, such as "${shown}"; it is a number.`);
});
