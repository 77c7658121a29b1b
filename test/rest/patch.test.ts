import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OpenGateway, openGateway, reasonOf } from "./open-gateway.ts";

let gateway: OpenGateway;
beforeAll(async () => {
  gateway = await openGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const price = { currencyCode: "USD", units: "7", nanos: 500_000_000 };

async function newProduct(): Promise<string> {
  const fields = { name: "Patch", description: "before", price, stock: 1, lowStockThreshold: 5 };
  return (await gateway.ask("POST /products", { body: fields })).body.product.id;
}

async function newUser(): Promise<string> {
  const email = `u${Math.random()}@example.com`;
  const fields = { name: "Before", email, phone: "1", address: "A", password: "correct horse" };
  return (await gateway.ask("POST /users", { body: fields })).body.user.id;
}

describe("a PATCH of a product changes the fields of its body or its mask, including zero values", () => {
  test.each<[string, object, object]>([
    ["", { description: "" }, { description: "", name: "Patch", lowStockThreshold: 5, price }],
    ["", { lowStockThreshold: 0 }, { lowStockThreshold: 0, description: "before" }],
    ["", { low_stock_threshold: null }, { lowStockThreshold: 0 }],
    ["", { description: "", lowStockThreshold: 0, name: "N" }, { description: "", lowStockThreshold: 0, name: "N" }],
    ["", { price: { currencyCode: "EUR" } }, { price: { currencyCode: "EUR", units: "0", nanos: 0 } }],
    ["", { price: { currencyCode: "USD", units: "5" } }, { price: { currencyCode: "USD", units: "5", nanos: 0 } }],
    ["?update_mask=description", {}, { description: "" }],
    ["?update_mask=name", { name: "N", description: "kept out" }, { name: "N", description: "before" }],
    ["?update_mask=price.units", { price: { units: "5" } }, { price: { ...price, units: "5" } }],
    ["?update_mask=price.nanos", { price: { units: "5" } }, { price: { ...price, nanos: 0 } }],
    [
      "?update_mask=price.currencyCode",
      { price: { currencyCode: "EUR" } },
      { price: { ...price, currencyCode: "EUR" } },
    ],
    [
      "?update_mask=price.units,description",
      { price: { units: "5" } },
      { price: { ...price, units: "5" }, description: "" },
    ],
    [
      "?update_mask=price,price.units",
      { price: { currencyCode: "EUR", units: "5" } },
      { price: { currencyCode: "EUR", units: "5", nanos: 0 } },
    ],
    ["", {}, { name: "Patch", description: "before", lowStockThreshold: 5, price }],
  ])("PATCH%s %j", async (query, body, expected) => {
    const id = await newProduct();
    const patched = await gateway.ask(`PATCH /products/${id}${query}`, { body });
    expect([patched.status, patched.body]).toMatchObject([200, { product: expected }]);
    expect((await gateway.ask(`GET /products/${id}`)).body.product).toEqual(patched.body.product);
  });

  test.each<[string, object, string]>([
    ["", { name: "" }, "name"],
    ["", { price: null }, "price"],
    ["", { price: {} }, "price.currencyCode"],
    ["", { stock: 5 }, "stock"],
    ["", { name: "N", stock: 5 }, "stock"],
    ["", { createTime: "2026-01-02T03:04:05Z" }, "createTime"],
    ["", { nmae: "N" }, "nmae"],
    ["?update_mask=price.units", {}, "price"],
    ["?update_mask=price.pounds", { price }, "update_mask"],
    ["?update_mask=name.first", { name: "N" }, "update_mask"],
    ["?update_mask=description.units", { description: "" }, "update_mask"],
    ["?update_mask=stock", { stock: 5 }, "update_mask"],
    ["?update_mask=*", { name: "N" }, "update_mask"],
    ["?update_mask=price.units.x", { price }, "update_mask"],
  ])("PATCH%s %j is refused, and changes nothing", async (query, body, field) => {
    const id = await newProduct();
    const before = (await gateway.ask(`GET /products/${id}`)).body;
    const refused = await gateway.ask(`PATCH /products/${id}${query}`, { body });
    expect([refused.status, refused.body.error.status]).toEqual([400, "INVALID_ARGUMENT"]);
    expect(JSON.stringify(refused.body.error.details)).toContain(`"field":"${field}`);
    expect((await gateway.ask(`GET /products/${id}`)).body).toEqual(before);
  });

  test("a product that was read may be sent back whole, changed", async () => {
    const id = await newProduct();
    const { product } = (await gateway.ask(`GET /products/${id}`)).body;
    const sentBack = { ...product, description: "", stock: 99 };
    const patched = await gateway.ask(`PATCH /products/${id}`, { body: sentBack });
    expect(patched.body.product).toMatchObject({ description: "", stock: 1, name: product.name });
    const again = await gateway.ask(`PATCH /products/${id}`, { body: sentBack });
    expect([again.status, reasonOf(again)]).toEqual([409, "ETAG_MISMATCH"]);
  });
});

describe("a PATCH of a user", () => {
  test.each<[string, object, number, object]>([
    ["", { phone: "" }, 200, { phone: "", address: "A", name: "Before" }],
    ["", { address: "", phone: "2" }, 200, { phone: "2", address: "" }],
    ["?update_mask=phone", {}, 200, { phone: "" }],
    ["", { name: "" }, 400, {}],
    ["", { email: "" }, 400, {}],
    ["", { role: "USER_ROLE_ADMIN" }, 400, {}],
    ["", { password: "another horse" }, 400, {}],
    ["?update_mask=name.first", { name: "N" }, 400, {}],
    ["?update_mask=role", { role: "USER_ROLE_ADMIN" }, 400, {}],
  ])("PATCH%s %j is %i", async (query, body, status, expected) => {
    const id = await newUser();
    const before = (await gateway.ask(`GET /users/${id}`)).body;
    const patched = await gateway.ask(`PATCH /users/${id}${query}`, { body });
    expect(patched.status).toBe(status);
    const after = (await gateway.ask(`GET /users/${id}`)).body;
    if (status === 200) {
      expect(after.user).toMatchObject(expected);
    } else {
      expect(after).toEqual(before);
    }
  });
});
