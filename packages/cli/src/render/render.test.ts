import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import { GetOrderResponseSchema, ListOrdersResponseSchema } from "@parley/gen/order/v1/order_service_pb.js";
import { DeleteUserResponseSchema } from "@parley/gen/user/v1/user_service_pb.js";
import picocolors from "picocolors";
import { describe, expect, it } from "vitest";
import { answerLines } from "./answer.ts";
import { callEchoLine } from "./call-echo.ts";
import { moneyText } from "./field-text.ts";
import { wrapped } from "./printable.ts";
import { tableLines } from "./table.ts";

const colors = picocolors.createColors(false);
const shown = <D extends DescMessage>(schema: D, init: MessageInitShape<D>) =>
  answerLines(reflect(schema, create(schema, init)), { colors });

describe("an answer", () => {
  it("with one resource is names and values, and its lists as tables", () => {
    const item = {
      productId: "101",
      productName: "Laptop",
      quantity: 2,
      unitPrice: { units: 999n, nanos: 990_000_000, currencyCode: "USD" },
    };
    const order = { id: "o1", userId: "1", state: OrderState.CONFIRMED, items: [item] };
    expect(shown(GetOrderResponseSchema, { order })).toEqual([
      "id       o1",
      "user id  1",
      "state    confirmed",
      "",
      "items",
      "product id  product name  quantity  unit price",
      "101         Laptop               2  999.99 USD",
    ]);
  });

  it("with a list is a table without empty columns, with the command for the next page", () => {
    const orders = [
      { id: "o1", userId: "1" },
      { id: "o2", userId: "22", etag: "7" },
    ];
    expect(shown(ListOrdersResponseSchema, { orders, nextPageToken: "abc" })).toEqual([
      "id  user id",
      "o1  1",
      "o2  22",
      "",
      "More: --page-token abc",
    ]);
  });

  it("without content has a text", () => {
    expect(shown(ListOrdersResponseSchema, {})).toEqual(["No orders."]);
    expect(shown(DeleteUserResponseSchema, {})).toEqual(["Done."]);
  });

  it("escapes control characters", () => {
    const order = { id: "o1", userName: "\u001b]0;x\u0007Eve\n" };
    expect(shown(GetOrderResponseSchema, { order }).join("|")).toBe("id         o1|user name  \\u001b]0;x\\u0007Eve ");
  });
});

describe("a table", () => {
  const columns = [{ title: "id" }, { title: "text", elastic: true }, { title: "n", align: "right" as const }];
  const row = ["0123456789", "a text that is rather long", "7"];

  it("is as wide as needed without a limit", () => {
    expect(tableLines(columns, [row], { colors })[1]).toBe("0123456789  a text that is rather long  7");
  });

  it("truncates elastic columns, and never an id", () => {
    expect(tableLines(columns, [row], { colors, widthMax: 30 })[1]).toBe("0123456789  a text that is…  7");
    expect(tableLines(columns, [row], { colors, widthMax: 23 })[1]).toBe("0123456789  a text …  7");
  });

  it("becomes a block for each row if it does not fit, without truncation", () => {
    expect(tableLines(columns, [row, ["x", "", "8"]], { colors, widthMax: 22 })).toEqual([
      "id    0123456789",
      "text  a text that is",
      "      rather long",
      "n     7",
      "",
      "id    x",
      "n     8",
    ]);
  });
});

it.each([
  [2029n, 970_000_000, "2,029.97 USD"],
  [0n, 0, "0.00 USD"],
  [0n, 1, "0.000000001 USD"],
  [-1n, -500_000_000, "-1.50 USD"],
  [0n, -500_000_000, "-0.50 USD"],
])("money: %s and %s billionths are %s", (units, nanos, text) => {
  expect(moneyText(units, nanos, "USD")).toBe(text);
});

describe("the outcome of a call from B to A", () => {
  it("is one line of JSON in Python's style", () => {
    expect(callEchoLine({ serviceB: "ok", serviceA: { echo: "hello" } })).toBe(
      '{"service_b": "ok", "service_a": {"echo": "hello"}}',
    );
    expect(callEchoLine({ serviceB: "ok", serviceA: { error: { code: "unavailable", message: "gone" } } })).toBe(
      '{"service_b": "ok", "service_a": "unavailable", "error": "gone"}',
    );
    expect(callEchoLine({ serviceB: "ok", serviceA: { echo: '"\n' } })).toBe(
      '{"service_b": "ok", "service_a": {"echo": "\\"\\n"}}',
    );
  });
});

it("breaks lines between words", () => {
  expect(wrapped("one two three", 7)).toEqual(["one two", "three"]);
  expect(wrapped("immeasurable", 5)).toEqual(["immeasurable"]);
});
