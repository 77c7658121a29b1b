import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OpenGateway, openGateway, reasonOf } from "./open-gateway.ts";

let gateway: OpenGateway;
beforeAll(async () => {
  gateway = await openGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const order = { userId: "1", items: [{ productId: "104", quantity: 1 }] };

/** The same call over REST and over Connect with JSON. */
async function both(rest: string, rpc: string, body: object) {
  const given = rest.startsWith("GET ") ? {} : { body };
  return [await gateway.ask(rest, given), await gateway.ask(`POST /${rpc}`, { body })] as const;
}

describe("REST and Connect return the same JSON", () => {
  test.each([
    ["GET /products/101", "product.v1.ProductService/GetProduct", { productId: "101" }],
    ["GET /users/3", "user.v1.UserService/GetUser", { userId: "3" }],
    ["GET /products?page_size=1", "product.v1.ProductService/ListProducts", { pageSize: 1 }],
    ["GET /orders?state=ORDER_STATE_REJECTED", "order.v1.OrderService/ListOrders", { state: "ORDER_STATE_REJECTED" }],
  ])("%s", async (rest, rpc, body) => {
    const [overRest, overRpc] = await both(rest, rpc, body);
    expect([overRest.status, overRpc.status]).toEqual([200, 200]);
    expect(overRpc.body).toEqual(overRest.body);
  });

  test("with zero values", async () => {
    const placed = (await gateway.ask("POST /order.v1.OrderService/CreateOrder", { body: order })).body;
    expect(placed.order.stateReason).toBe("");
    const listed = await gateway.ask("POST /order.v1.OrderService/ListOrders", { body: { userId: "nobody" } });
    expect(listed.body).toEqual({ orders: [], nextPageToken: "" });
  });
});

describe("REST and Connect refuse with the same code, reason and message", () => {
  const create = ["POST /orders", "order.v1.OrderService/CreateOrder"] as const;
  test.each<[string, string, string, object]>([
    ["no lines", ...create, { userId: "1", items: [] }],
    ["a value of another type", ...create, { userId: 1 }],
    ["an unknown product", ...create, { userId: "1", items: [{ productId: "999", quantity: 1 }] }],
    ["too little in stock", ...create, { userId: "1", items: [{ productId: "104", quantity: 9_999 }] }],
    ["an unknown resource", "GET /products/999", "product.v1.ProductService/GetProduct", { productId: "999" }],
  ])("%s", async (_what, rest, rpc, body) => {
    const [overRest, overRpc] = await both(rest, rpc, body);
    expect(overRpc.body.code).toBe(overRest.body.error.status.toLowerCase());
    expect(overRpc.body.message).toBe(overRest.body.error.message);
    const info = overRpc.body.details.find(({ type }: { type: string }) => type === "google.rpc.ErrorInfo");
    expect(Buffer.from(info.value, "base64").toString("latin1")).toContain(reasonOf(overRest));
  });
});

describe("a misspelt name changes nothing, and lists nothing", () => {
  test("a misspelt field of a REST body is refused, so that no second order is placed", async () => {
    const count = async () => (await gateway.ask("GET /users/2/orders?page_size=100")).body.orders.length;
    const before = await count();
    const misspelt = { userId: "2", items: order.items, requestID: crypto.randomUUID() };
    for (let time = 0; time < 2; time++) {
      const refused = await gateway.ask("POST /orders", { body: misspelt });
      expect([refused.status, reasonOf(refused)]).toEqual([400, "UNKNOWN_FIELD"]);
      expect(refused.body.error.message).toContain("did you mean requestId?");
    }
    expect(await count()).toBe(before);
  });

  test("by RPC unknown fields are ignored, so that a newer client can call an older server", async () => {
    const body = { productId: "101", later: { field: 1 } };
    expect((await gateway.ask("POST /product.v1.ProductService/GetProduct", { body })).status).toBe(200);
  });

  test.each([
    ["CONFIRMED", "ORDER_STATE_CONFIRMED"],
    ["ORDER_STATE_CONFIRMD", "ORDER_STATE_CONFIRMED"],
    ["order_state_pending", "ORDER_STATE_PENDING"],
  ])("an unknown enum value by RPC is refused: %s", async (state, nearest) => {
    const body = { userId: "1", state };
    for (const headers of [{}, { origin: "http://elsewhere.example" }]) {
      const refused = await gateway.ask("POST /order.v1.OrderService/ListOrders", { body, headers });
      expect([refused.status, refused.body.code]).toEqual([400, "invalid_argument"]);
      expect(refused.body.message).toContain(`did you mean ${nearest}?`);
    }
    const query = new URLSearchParams({ connect: "v1", encoding: "json", message: JSON.stringify(body) });
    expect((await gateway.ask(`GET /order.v1.OrderService/ListOrders?${query}`)).status).toBe(400);
    const overRest = await gateway.ask(`GET /orders?user_id=1&state=${state}`);
    expect([overRest.status, reasonOf(overRest)]).toEqual([400, "INVALID_PARAMETER"]);
  });
});
