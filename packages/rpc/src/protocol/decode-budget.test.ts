import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { FieldMaskSchema, ListValueSchema, SourceCodeInfo_LocationSchema, StructSchema } from "@bufbuild/protobuf/wkt";
import { type DecodeLimit, DecodeLimitError, decodeBudget, defaultDecodeBudget, scanBinary } from "@parley/contract";
import { DeliverRequestSchema } from "@parley/gen/event/v1/event_service_pb.js";
import { CreateOrderRequestSchema } from "@parley/gen/order/v1/order_service_pb.js";
import { BatchReserveStockRequestSchema } from "@parley/gen/product/v1/inventory_service_pb.js";
import { CreateProductRequestSchema, UpdateProductRequestSchema } from "@parley/gen/product/v1/product_service_pb.js";
import { describe, expect, it } from "vitest";
import { messageFromJsonBytes } from "./json-message.ts";

const mebibyte = 1 << 20;

function repeated(bytes: readonly number[], count: number): Buffer {
  return Buffer.alloc(bytes.length * count, Buffer.from(bytes));
}

/** A message with one field that holds these bytes. */
function inField(number: number, bytes: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(bytes).finish();
}

function limitOf(run: () => unknown): Pick<DecodeLimitError, "limit" | "field"> | "passed" {
  try {
    run();
    return "passed";
  } catch (error) {
    if (error instanceof DecodeLimitError) {
      return { limit: error.limit, field: error.field };
    }
    throw error;
  }
}

/** CPU time of this thread, in milliseconds. */
function cpuMs(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

describe("the decode budget, in binary", () => {
  /** A `google.protobuf.Value` of lists in lists. */
  function nested(levels: number): Uint8Array {
    let bytes = inField(3, Buffer.alloc(5_000, 0x20));
    for (let level = 0; level < levels; level++) {
      bytes = inField(6, inField(1, bytes));
    }
    return bytes;
  }
  it.each([
    ["empty entries", CreateOrderRequestSchema, repeated([0x12, 0], 2 * mebibyte), "list", "items"],
    [
      "entries one above the limit",
      CreateOrderRequestSchema,
      repeated([0x12, 42, 0x0a, 40, ...Buffer.alloc(40, 0x31)], 101),
      "list",
      "items",
    ],
    [
      "a list within an entry of a list",
      BatchReserveStockRequestSchema,
      inField(1, repeated([0x12, 0], 9_000)),
      "list",
      "requests[0].items",
    ],
    ["unknown fields", CreateOrderRequestSchema, repeated([0x7a, 0], 2 * mebibyte), "elements", ""],
    ["unknown varints", CreateOrderRequestSchema, repeated([0x78, 1], 2 * mebibyte), "elements", ""],
    ["one field again and again", CreateOrderRequestSchema, repeated([0x0a, 1, 0x31], mebibyte), "fields", ""],
    [
      "a string longer than its limit of characters can be in UTF-8",
      CreateOrderRequestSchema,
      inField(1, Buffer.alloc(4 * mebibyte, 0x31)),
      "length",
      "user_id",
    ],
    ["a list with no limit of its own", ListValueSchema, repeated([0x0a, 0], 2 * mebibyte), "elements", ""],
    ["a map with no limit of its own", StructSchema, repeated([0x0a, 0], 2 * mebibyte), "elements", ""],
    ["paths of a mask", FieldMaskSchema, repeated([0x0a, 0], 2 * mebibyte), "elements", ""],
    ["nested messages", StructSchema, inField(1, inField(2, nested(60))), "depth", ""],
    ["nested unknown groups", CreateOrderRequestSchema, repeated([0x7b], 5_000), "depth", ""],
  ] as const)("refuses %s", (_name, schema, bytes, limit: DecodeLimit, field) => {
    const refused = { limit: "passed" as unknown };
    // Twice: the first time also compiles.
    const costs = [0, 0].map(() =>
      cpuMs(() => {
        refused.limit = limitOf(() => scanBinary(schema, bytes, defaultDecodeBudget));
      }),
    );
    expect(refused.limit).toEqual({ limit, field });
    expect(Math.min(...costs)).toBeLessThan(50);
  });

  it("accepts the largest message that the contract allows", () => {
    const line = { productId: "7d444840-9dc0-11d1-b245-5ffdce74fad2", quantity: 3 };
    const batch = create(BatchReserveStockRequestSchema, {
      requests: Array.from({ length: 100 }, (_, id) => ({ orderId: String(id), items: Array(100).fill(line) })),
    });
    const event = {
      id: "7d444840-9dc0-11d1-b245-5ffdce74fad2",
      payload: {
        case: "orderConfirmed" as const,
        value: { orderId: "o", items: Array(100).fill({ productId: "103", quantity: 1, unitPrice: { units: 5n } }) },
      },
    };
    const deliver = create(DeliverRequestSchema, { events: Array(100).fill(event) as never });
    for (const [schema, message] of [
      [BatchReserveStockRequestSchema, batch],
      [DeliverRequestSchema, deliver],
    ] as const) {
      expect(limitOf(() => scanBinary(schema, toBinary(schema, message as never), defaultDecodeBudget))).toBe("passed");
    }
  });

  it("counts packed numbers as an eighth each", () => {
    const schema = SourceCodeInfo_LocationSchema;
    const bytes = inField(1, repeated([1], 100_000));
    expect(limitOf(() => scanBinary(schema, bytes, defaultDecodeBudget))).toBe("passed");
    expect(limitOf(() => scanBinary(schema, bytes, decodeBudget(1_000)))).toEqual({ limit: "elements", field: "" });
  });

  it("refuses a field with a wrong wire type, which decoders would misread", () => {
    const bytes = Buffer.concat([Buffer.from([0x08, 0x80, 0x40]), Buffer.alloc(8_192, 0x31)]);
    expect(() => scanBinary(CreateOrderRequestSchema, bytes, defaultDecodeBudget)).toThrow("wire type");
  });

  it.each([
    ["a truncated string", [0x0a, 0xff, 0x7f, 0x31]],
    ["a truncated tag", [0x80]],
    ["an end-group tag without a start-group tag", [0x0c]],
    ["a start-group tag without an end-group tag", [0x7b]],
    ["wire type 6", [0x0e]],
  ])("refuses bytes with %s", (_name, end) => {
    const bytes = Buffer.concat([
      inField(1, Buffer.alloc(64)),
      repeated([0x12, 2, 0x10, 1], 99),
      repeated([0x7d, 1, 2, 3, 4], 1_000),
      Buffer.from(end),
    ]);
    expect(() => scanBinary(CreateOrderRequestSchema, bytes, defaultDecodeBudget)).toThrow();
    expect(() => fromBinary(CreateOrderRequestSchema, bytes)).toThrow();
  });
});

describe("the decode budget, in JSON", () => {
  const many = (element: string, count: number) => Array(count).fill(element).join(",");
  it.each([
    ["empty entries", CreateOrderRequestSchema, `{"items":[${many("{}", mebibyte)}]}`, "elements", ""],
    [
      "entries one above the limit",
      CreateOrderRequestSchema,
      `{"items":[${many('{"productId":"1"}', 101)}]}`,
      "list",
      "items",
    ],
    ["lists", CreateOrderRequestSchema, `[${many("[]", mebibyte)}]`, "elements", ""],
    [
      "unknown keys",
      CreateOrderRequestSchema,
      `{${Array.from({ length: 200_000 }, (_, id) => `"k${id}":1`).join(",")}}`,
      "fields",
      "",
    ],
    ["numbers", CreateOrderRequestSchema, `{"x":[${many("1", 2 * mebibyte)}]}`, "fields", ""],
    ["nested lists", CreateOrderRequestSchema, "[".repeat(4 * mebibyte), "depth", ""],
    ["nested objects", StructSchema, '{"a":'.repeat(800_000), "depth", ""],
    ["a long text", CreateOrderRequestSchema, `{"userId":"${"x".repeat(4 * mebibyte - 20)}"}`, "length", "user_id"],
    [
      "a list within an entry of a list",
      BatchReserveStockRequestSchema,
      `{"requests":[{},{"items":[${many("{}", 101)}]}]}`,
      "list",
      "requests[1].items",
    ],
    [
      "a mask of many paths",
      UpdateProductRequestSchema,
      `{"updateMask":"${many("a", mebibyte)}"}`,
      "length",
      "update_mask",
    ],
  ] as const)("refuses %s", (_name, schema, text, limit: DecodeLimit, field) => {
    const bytes = Buffer.from(text);
    const refused = { limit: "passed" as unknown };
    const costs = [0, 0].map(() =>
      cpuMs(() => {
        refused.limit = limitOf(() => messageFromJsonBytes(schema, bytes, { reading: { ignoreUnknownFields: true } }));
      }),
    );
    expect(refused.limit).toEqual({ limit, field });
    expect(Math.min(...costs)).toBeLessThan(50);
  });

  it("refuses a duplicate key in a large text", () => {
    const text = `{"userId":"1","items":[${many('{"productId":"1","quantity":1}', 100)}],"note":"${"x".repeat(8_192)}","userId":"2"}`;
    expect(() =>
      messageFromJsonBytes(CreateOrderRequestSchema, Buffer.from(text), { reading: { ignoreUnknownFields: true } }),
    ).toThrow('duplicate object key "userId"');
  });

  it("is not misled by quotes, colons and brackets inside of texts", () => {
    const text = JSON.stringify({ userId: '"},{[\\":', note: '\\"{[:,'.repeat(2_000) });
    expect(
      messageFromJsonBytes(CreateOrderRequestSchema, Buffer.from(text), { reading: { ignoreUnknownFields: true } })
        .userId,
    ).toBe('"},{[\\":');
  });

  it("refuses invalid UTF-8 instead of storing U+FFFD", () => {
    const bytes = Buffer.concat([Buffer.from('{"name":"caf'), Buffer.from([0xe9]), Buffer.from('"}')]);
    expect(() => messageFromJsonBytes(CreateProductRequestSchema, bytes, {})).toThrow("not valid UTF-8");
  });

  it.each(["0x10", "0X10", " 5", "5 ", "+5", "0b1", "0o7", "", "9".repeat(65)])("refuses %j as a number", (number) => {
    const text = JSON.stringify({ price: { units: number } });
    expect(() => messageFromJsonBytes(CreateProductRequestSchema, Buffer.from(text), {})).toThrow();
    const quantity = JSON.stringify({ items: [{ quantity: number }] });
    expect(() => messageFromJsonBytes(CreateOrderRequestSchema, Buffer.from(quantity), {})).toThrow();
  });

  it.each(["0", "-5", "5", "9223372036854775807"])("accepts %j as a number", (number) => {
    const text = JSON.stringify({ price: { units: number } });
    expect(messageFromJsonBytes(CreateProductRequestSchema, Buffer.from(text), {}).price?.units).toBe(BigInt(number));
  });

  it("names the entry and the field of a refused number", () => {
    const text = JSON.stringify({ items: [{ quantity: 1 }, { quantity: "0x10" }] });
    let field = "";
    try {
      messageFromJsonBytes(CreateOrderRequestSchema, Buffer.from(text), {});
    } catch (error) {
      field = (error as { field: string }).field;
    }
    expect(field).toBe("items[1].quantity");
  });
});
