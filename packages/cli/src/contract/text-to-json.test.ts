import { TextValueError } from "@parley/rest";
import { describe, expect, it } from "vitest";
import { contractOf } from "./contracts.ts";
import { parametersOf } from "./parameters.ts";
import { jsonOf, valueName } from "./text-to-json.ts";

function parameter(service: string, method: string, flag: string) {
  const desc = contractOf(service).methods.find(({ name }) => name === method) ?? expect.fail(method);
  return parametersOf(desc).find((one) => one.flag === flag) ?? expect.fail(flag);
}
const price = parameter("product.v1.ProductService", "CreateProduct", "price");
const item = parameter("order.v1.OrderService", "CreateOrder", "item");
const state = parameter("order.v1.OrderService", "ListOrders", "state");
const pageSize = parameter("order.v1.OrderService", "ListOrders", "page-size");

describe("money", () => {
  it.each([
    ["999.99USD", "999", 990_000_000, "USD"],
    ["999.99 USD", "999", 990_000_000, "USD"],
    ["EUR 0.5", "0", 500_000_000, "EUR"],
    ["1usd", "1", 0, "USD"],
    ["-1.25USD", "-1", -250_000_000, "USD"],
    ["0.000000001JPY", "0", 1, "JPY"],
  ])("%s", (text, units, nanos, currencyCode) => {
    expect(jsonOf(price, text)).toEqual({ units, nanos, currencyCode });
  });

  it.each(["", "3", "USD", "1,000USD", "1.0000000001USD", "1USDD", "--1USD", `${"9".repeat(19)}USD`, "9".repeat(99)])(
    "refuses %j",
    (text) => {
      expect(() => jsonOf(price, text)).toThrow(TextValueError);
    },
  );
});

describe("a pair", () => {
  it("is split at its last equals sign", () => {
    expect(jsonOf(item, "101=2")).toEqual({ productId: "101", quantity: "2" });
    expect(jsonOf(item, "a=b=2")).toEqual({ productId: "a=b", quantity: "2" });
  });

  it.each(["101", "=2", "101=", "101=two", "101=1.5", "101=99999999999"])("refuses %j", (text) => {
    expect(() => jsonOf(item, text)).toThrow(TextValueError);
  });
});

describe("an enum", () => {
  it.each(["confirmed", "CONFIRMED", "ORDER_STATE_CONFIRMED"])("accepts %s", (text) => {
    expect(jsonOf(state, text)).toBe("ORDER_STATE_CONFIRMED");
  });

  it.each(["", "unspecified", "paid", "2"])("refuses %j and lists the values", (text) => {
    expect(() => jsonOf(state, text)).toThrow("pending, confirmed, cancelled, rejected");
  });
});

it.each(["ten", "1e3", "0x10", " 1", "2147483648"])("refuses %j as a number", (text) => {
  expect(() => jsonOf(pageSize, text)).toThrow(TextValueError);
});

it("has a placeholder in the help", () => {
  expect([price, item, state, pageSize].map(valueName)).toEqual(["amount", "product-id=quantity", "state", "number"]);
});
