import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OpenGateway, openGateway, reasonOf } from "./open-gateway.ts";

let gateway: OpenGateway;
beforeAll(async () => {
  gateway = await openGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const price = { currencyCode: "USD", units: "7" };

async function newProduct(): Promise<{ id: string; etag: string }> {
  const { body } = await gateway.ask("POST /products", { body: { name: "IfMatch", price, stock: 1 } });
  const { headers } = await gateway.ask(`GET /products/${body.product.id}`);
  return { id: body.product.id, etag: headers.get("etag") ?? "" };
}

async function newUser(): Promise<{ id: string; etag: string }> {
  const fields = { name: "A", email: `u${Math.random()}@example.com`, password: "correct horse" };
  const { body } = await gateway.ask("POST /users", { body: fields });
  const { headers } = await gateway.ask(`GET /users/${body.user.id}`);
  return { id: body.user.id, etag: headers.get("etag") ?? "" };
}

describe.each([
  ["a product", newProduct, "products", "PATCH", "", { name: "B" }],
  ["a product", newProduct, "products", "PUT", "/stock", { stock: 9 }],
  ["a product", newProduct, "products", "DELETE", "", undefined],
  ["a user", newUser, "users", "PATCH", "", { name: "B" }],
  ["a user", newUser, "users", "DELETE", "", undefined],
] as const)("%s under If-Match", (_what, make, collection, method, path, body) => {
  const given = body === undefined ? {} : { body };

  test(`${method} is made with the ETag that GET gave, once`, async () => {
    const { id, etag } = await make();
    expect(etag).toMatch(/^"[^"]+"$/);
    const write = () =>
      gateway.ask(`${method} /${collection}/${id}${path}`, { ...given, headers: { "if-match": etag } });
    expect((await write()).status).toBe(200);
    expect((await write()).status).toBe(method === "DELETE" ? 404 : 412);
  });

  test.each(['"nope"', 'W/"v1"', '""', "nope", '"a", "b"'])(
    `${method} with %s changes nothing and is 412`,
    async (tag) => {
      const { id } = await make();
      const before = (await gateway.ask(`GET /${collection}/${id}`)).body;
      const refused = await gateway.ask(`${method} /${collection}/${id}${path}`, {
        ...given,
        headers: { "if-match": tag },
      });
      expect([refused.status, reasonOf(refused)]).toEqual([412, "PRECONDITION_FAILED"]);
      expect((await gateway.ask(`GET /${collection}/${id}`)).body).toEqual(before);
    },
  );

  test(`${method} with * succeeds if the resource exists`, async () => {
    const { id } = await make();
    const ask = (of: string) =>
      gateway.ask(`${method} /${collection}/${of}${path}`, { ...given, headers: { "if-match": "*" } });
    expect((await ask(id)).status).toBe(200);
    expect((await ask("nobody")).status).toBe(404);
  });
});

test("a sale in between changes the ETag, but not the etag of the contract", async () => {
  const { id, etag } = await newProduct();
  await gateway.ask(`PUT /products/${id}/stock`, { body: { delta: 4 } });
  const now = await gateway.ask(`GET /products/${id}`);
  expect(now.headers.get("etag")).not.toBe(etag);
  const headers = { "if-match": etag };
  expect((await gateway.ask(`PUT /products/${id}/stock`, { body: { stock: 9 }, headers })).status).toBe(412);
  expect((await gateway.ask(`PATCH /products/${id}`, { body: { name: "B" }, headers })).status).toBe(412);
  const content = { "if-match": `"${now.body.product.etag}"` };
  expect((await gateway.ask(`PATCH /products/${id}`, { body: { name: "B" }, headers: content })).status).toBe(200);
});

test("an order is cancelled under If-Match only in the state that was read", async () => {
  const order = { userId: "1", items: [{ productId: "101", quantity: 1 }] };
  const { id } = (await gateway.ask("POST /orders", { body: order })).body.order;
  const etag = (await gateway.ask(`GET /orders/${id}`)).headers.get("etag") ?? "";
  const cancel = (tag: string) => gateway.ask(`POST /orders/${id}:cancel`, { body: {}, headers: { "if-match": tag } });
  expect((await cancel('"old"')).status).toBe(412);
  expect((await cancel(etag)).body.order.state).toBe("ORDER_STATE_CANCELLED");
});

test("a new order cannot be placed under If-Match: there is nothing to compare", async () => {
  const count = async () => (await gateway.ask("GET /users/3/orders")).body.orders.length;
  const before = await count();
  const order = { userId: "3", items: [{ productId: "101", quantity: 1 }] };
  expect((await gateway.ask("POST /orders", { body: order, headers: { "if-match": '"v1"' } })).status).toBe(412);
  expect(await count()).toBe(before);
});

test("concurrent writers that read, change and write lose no update", async () => {
  const { id } = await newProduct();
  const writers = 8;
  const rounds = 3;
  let refusedCount = 0;
  async function writer() {
    for (let made = 0; made < rounds; ) {
      const read = await gateway.ask(`GET /products/${id}`);
      const { stock, description } = read.body.product;
      const headers = { "if-match": read.headers.get("etag") ?? "" };
      // Both kinds of change, which the same ETag covers.
      const written =
        made % 2 === 0
          ? await gateway.ask(`PUT /products/${id}/stock`, { body: { stock: stock + 1 }, headers })
          : await gateway.ask(`PATCH /products/${id}`, { body: { description: `${description}x` }, headers });
      expect([200, 412]).toContain(written.status);
      if (written.status === 200) {
        made++;
      } else {
        refusedCount++;
      }
    }
  }
  await Promise.all(Array.from({ length: writers }, writer));
  const { stock, description } = (await gateway.ask(`GET /products/${id}`)).body.product;
  expect([stock, description]).toEqual([1 + writers * 2, "x".repeat(writers)]);
  expect(refusedCount, "they did meet").toBeGreaterThan(0);
}, 60_000);
