import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { createFileRegistry, type DescService, fromBinary, type JsonObject } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { libraryService } from "@parley/contract/testing";
import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, test } from "vitest";
import { createOpenApi } from "./document.ts";

const root = join(import.meta.dirname, "../../../..");

/** Parley's own contracts, with their comments. */
function contracts(...names: readonly string[]): DescService[] {
  const result = spawnSync("node_modules/.bin/buf", ["build", "proto", "--as-file-descriptor-set", "-o", "-"], {
    cwd: root,
    maxBuffer: 16 * 1024 * 1024,
  });
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, result.stdout));
  return names.map((name) => registry.getService(name)).filter((service) => service !== undefined);
}

const info = { title: "T", version: "1" };
const parley = createOpenApi(
  contracts("user.v1.UserService", "product.v1.ProductService", "product.v1.InventoryService", "order.v1.OrderService"),
  info,
);
const library = createOpenApi([libraryService()], { ...info, exposes: () => true });

function at(document: JsonObject, ...keys: readonly string[]): JsonObject {
  return keys.reduce<unknown>((value, key) => (value as Record<string, unknown>)?.[key], document) as JsonObject;
}

test.each([
  ["Parley's contracts", parley],
  ["a contract with every feature of google.api.http", library],
])("the document of %s passes a validator", async (_name, document) => {
  const result = await new Validator().validate(structuredClone(document));
  expect(result.errors).toBeUndefined();
  expect(result.valid).toBe(true);
});

test("the validator refuses a broken document", async () => {
  const broken = structuredClone(parley);
  at(broken, "paths", "/orders", "post").responses = { "200": {} };
  expect((await new Validator().validate(broken)).valid).toBe(false);
});

test("every reference resolves, and operation ids are unique", () => {
  for (const document of [parley, library]) {
    const text = JSON.stringify(document);
    for (const [, reference = ""] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      expect(at(document, ...reference.split("/"))).toBeDefined();
    }
    const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  }
});

test("no two paths differ only in the names of their parameters", () => {
  for (const document of [parley, library]) {
    const shapes = Object.keys(document.paths as JsonObject).map((path) => path.replaceAll(/\{[^}]*\}/g, "{}"));
    expect(new Set(shapes).size).toBe(shapes.length);
  }
  expect(Object.keys(at(parley, "paths", "/products/{product_id}"))).toEqual(["get", "patch", "delete"]);
});

describe("an operation", () => {
  const create = at(parley, "paths", "/orders", "post");

  test("has the contract's comments, tag, id and access rule", () => {
    expect(create.operationId).toBe("OrderService_CreateOrder");
    expect(create.tags).toEqual(["OrderService"]);
    expect(create.summary).toBe("Places an order and answers when it is confirmed");
    expect(create.security).toEqual([{ bearer: [] }]);
    expect(at(parley, "paths", "/products/{product_id}", "get").security).toEqual([]);
  });

  test("lists the errors that the comment names", () => {
    expect(at(create, "responses", "404").description).toBe("NOT_FOUND.");
    expect(at(create, "responses", "400").description).toBe("INVALID_ARGUMENT or FAILED_PRECONDITION.");
    expect(at(create, "responses", "503", "headers")).toHaveProperty("retry-after");
  });

  test("has a query parameter for each field that path and body do not bind", () => {
    const names = (document: JsonObject, path: string, method: string) =>
      (at(document, "paths", path, method).parameters as JsonObject[])
        .filter((p) => p.in)
        .map((p) => `${p.in} ${p.name}`);
    expect(names(parley, "/users/{user_id}/orders", "get")).toEqual([
      "path user_id",
      "query state",
      "query page_size",
      "query page_token",
    ]);
    expect(names(parley, "/products/{product_id}", "patch")).toEqual([
      "path product_id",
      "query update_mask",
      "query request_id",
    ]);
    expect(names(library, "/v1/shelves/{name_2}/books/{name_4}", "get")).toEqual([
      "path name_2",
      "path name_4",
      "query isbn",
    ]);
    expect(names(library, "/v1/search", "get")).toContain("query filter.author_name");
  });

  test("requires a body if the rules require a field in it", () => {
    const body = (path: string, method: string) => at(parley, "paths", path, method, "requestBody").required;
    expect(body("/orders", "post")).toBe(true);
    expect(body("/products/{product_id}", "patch")).toBe(true);
    expect(body("/products/{product_id}/stock", "put")).toBe(true);
    expect(body("/orders/{order_id}:cancel", "post")).toBe(false);
  });

  test("omits methods for services only and methods without an http option", () => {
    expect(JSON.stringify(parley)).not.toContain("ReserveStock");
    expect(JSON.stringify(parley)).not.toContain("ValidateUser");
  });
});

describe("a schema has the contract's constraints", () => {
  const schema = (name: string) => at(parley, "components", "schemas", name);

  test("lengths, ranges, formats, required fields and allowed strings", () => {
    const request = schema("order.v1.CreateOrderRequest");
    expect(request).not.toHaveProperty("required");
    expect(schema("order.v1.CreateOrderItem").required).toEqual(["productId", "quantity"]);
    expect(at(request, "properties", "items")).toMatchObject({ type: "array", maxItems: 100 });
    expect(at(request, "properties", "userId")).toEqual({
      type: "string",
      maxLength: 64,
      pattern: "^[^\\x00-\\x1f\\x7f]*$",
      description: "The buyer's id. Empty: a guest's order, which is accepted with GUEST_ORDERS=on.",
    });
    expect(at(request, "properties", "requestId")).toMatchObject({ format: "uuid" });
    expect(at(schema("order.v1.CreateOrderItem"), "properties", "quantity")).toMatchObject({
      minimum: 1,
      maximum: 10000,
    });
    expect(at(schema("user.v1.CreateUserRequest"), "properties", "email")).toMatchObject({ format: "email" });
  });

  test("oneofs, masks and CEL", () => {
    const put = at(
      parley,
      "paths",
      "/products/{product_id}/stock",
      "put",
      "requestBody",
      "content",
      "application/json",
      "schema",
    );
    expect(put.properties).not.toHaveProperty("productId");
    expect(put.allOf).toEqual([
      { anyOf: [{ required: ["stock"] }, { required: ["delta"] }] },
      { not: { required: ["stock", "delta"] } },
    ]);
    expect(JSON.stringify(at(parley, "paths", "/products/{product_id}", "patch"))).toContain("low_stock_threshold");
    expect(at(schema("product.v1.CreateProductRequest"), "properties", "price").description).toContain(
      "three capital letters",
    );
  });

  test("64-bit numbers are strings, times are dates, enums are names", () => {
    expect(at(schema("google.type.Money"), "properties", "units")).toMatchObject({ type: "string", format: "int64" });
    expect(at(schema("order.v1.Order"), "properties", "createTime")).toMatchObject({ format: "date-time" });
    expect(schema("order.v1.OrderState").enum).toContain("ORDER_STATE_CONFIRMED");
  });
});
