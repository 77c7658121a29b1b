// Every limit that /openapi.json declares is enforced: a value just beyond it is refused, and the error names the field.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OpenGateway, openGateway } from "./open-gateway.ts";

interface Schema {
  readonly $ref?: string;
  readonly type?: string | string[];
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly pattern?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly description?: string;
}

interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
}

interface Operation {
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

let gateway: OpenGateway;
let paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
// biome-ignore lint/suspicious/noExplicitAny: the document is what is tested
let document: any;
beforeAll(async () => {
  // Notification and echo have no server here: the gateway validates their requests before it calls them.
  const unreachable = "http://127.0.0.1:1";
  gateway = await openGateway({
    backends: { notification: unreachable, "echo-a": unreachable, "echo-b": unreachable },
  });
  document = (await gateway.ask("GET /openapi.json")).body;
  paths = document.paths;
});
afterAll(() => gateway[Symbol.asyncDispose]());

function resolved<T extends { readonly $ref?: string }>(value: T): T {
  const target = value.$ref?.replace("#/", "").split("/");
  return target === undefined ? value : { ...target.reduce((at, key) => at[key], document), ...value, $ref: undefined };
}

/** Values that violate one declared limit each, with the limit's name. */
function violations(given: Schema): [string, unknown][] {
  const schema = resolved(given);
  const found: [string, unknown][] = [];
  const { minLength, maxLength, minimum, maximum, minItems, maxItems, items } = schema;
  if (schema.enum !== undefined) found.push(["enum", "NO_SUCH_WORD"]);
  if (minLength !== undefined && minLength > 0) found.push(["minLength", "x".repeat(minLength - 1)]);
  if (maxLength !== undefined)
    found.push([
      "maxLength",
      schema.format === "email" ? `${"x".repeat(maxLength)}@a.example` : "x".repeat(maxLength + 1),
    ]);
  if (minimum !== undefined) found.push(["minimum", minimum - 1]);
  if (maximum !== undefined) found.push(["maximum", maximum + 1]);
  if (schema.format === "int32") found.push(["int32", 2 ** 31]);
  if (schema.format === "int64") found.push(["int64", "9223372036854775808"], ["pattern", "1x"], ["pattern", "+1"]);
  if (schema.format === "uuid") found.push(["uuid", "not-a-uuid"]);
  if (schema.format === "email") found.push(["email", "nobody"]);
  if (schema.format === "date-time") found.push(["date-time", "yesterday"]);
  if (minItems !== undefined && minItems > 0) found.push(["minItems", []]);
  if (items !== undefined && maxItems !== undefined)
    found.push(["maxItems", Array.from({ length: maxItems + 1 }, (_, index) => valid(items, index))]);
  if (items !== undefined && schema.uniqueItems === true) found.push(["uniqueItems", [valid(items), valid(items)]]);
  if (items !== undefined) {
    for (const [limit, value] of violations(items)) found.push([`items.${limit}`, [value]]);
  }
  if (schema.additionalProperties === false)
    found.push(["additionalProperties", { ...(valid(schema) as object), noSuchField: 1 }]);
  for (const name of schema.required ?? []) {
    const { [name]: _left, ...rest } = valid(schema) as Record<string, unknown>;
    found.push([`required ${name}`, rest]);
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    for (const [limit, value] of violations(property))
      found.push([`${name}.${limit}`, { ...(valid(schema) as object), [name]: value }]);
  }
  return found;
}

/** A value within all limits. Texts differ by index. */
function valid(given: Schema, index = 0): unknown {
  const schema = resolved(given);
  if (schema.enum !== undefined) return schema.enum[1];
  if (schema.format === "uuid") return "0d9d1f5e-6d0f-4a8e-9a55-64e0c7f0a111";
  if (schema.format === "email") return `u${index}@example.com`;
  if (schema.format === "date-time") return "2026-01-02T03:04:05Z";
  if (schema.properties?.currencyCode !== undefined) return { currencyCode: "USD", units: "1" };
  if (schema.type === "integer") return Math.max(1, schema.minimum ?? 0);
  if (schema.type === "string")
    return schema.pattern === undefined ? `${index}`.padEnd(schema.minLength ?? 1, "x") : "1";
  if (schema.type === "array")
    return Array.from({ length: schema.minItems ?? 0 }, (_, at) => valid(schema.items ?? {}, at));
  if (schema.type === "object")
    return Object.fromEntries((schema.required ?? []).map((name) => [name, valid(schema.properties?.[name] ?? {})]));
  return undefined;
}

function requestOf(path: string, operation: Operation, query: readonly (readonly [string, unknown])[]): string {
  const inPath = path.replaceAll(/\{(\w+)\}/g, "1");
  const pairs = query.flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each) => [name, String(each)]),
  );
  const required = operation.parameters
    .filter(
      (parameter) => parameter.in === "query" && parameter.required && !query.some(([name]) => name === parameter.name),
    )
    .map(({ name, schema }) => [name, String(valid(schema) ?? "1")]);
  const text = new URLSearchParams([...pairs, ...required] as [string, string][]).toString();
  return text === "" ? inPath : `${inPath}?${text}`;
}

describe("the limits of /openapi.json are enforced", () => {
  test("for parameters and bodies", async () => {
    let tried = 0;
    const letThrough: string[] = [];
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const parameters = operation.parameters.map(resolved);
        for (const { name, schema, ...parameter } of parameters.filter(
          (each) => each.in === "query" || each.in === "header",
        )) {
          for (const [limit, value] of violations(schema)) {
            const request = requestOf(path, operation, parameter.in === "query" ? [[name, value]] : []);
            const headers = parameter.in === "header" ? { [name]: String(value) } : {};
            const { status } = await gateway.ask(`${method.toUpperCase()} ${request}`, {
              headers,
              ...(operation.requestBody === undefined || method === "get" ? {} : { body: {} }),
            });
            tried++;
            if (status !== 400) letThrough.push(`${method} ${path} ${parameter.in} ${name} ${limit}: ${status}`);
          }
        }
        const schema = operation.requestBody?.content["application/json"]?.schema;
        for (const [limit, body] of schema === undefined ? [] : violations(schema)) {
          const answer = await gateway.ask(`${method.toUpperCase()} ${requestOf(path, operation, [])}`, { body });
          tried++;
          if (answer.status !== 400) letThrough.push(`${method} ${path} body ${limit}: ${answer.status}`);
        }
      }
    }
    expect(letThrough).toEqual([]);
    expect(tried).toBeGreaterThan(100);
  }, 60_000);

  test("and rules that a schema cannot express are described in words", () => {
    const described = (of: unknown) => JSON.stringify(of);
    const { get } = paths["/products"] ?? {};
    expect(described(get?.parameters)).toContain("INVALID_PAGE_TOKEN");
    expect(described(paths["/orders:watch"])).toContain("INVALID_POSITION");
    expect(described(paths["/products"]?.post?.requestBody)).toContain("CreateProductRequest");
    const create = document.components.schemas["product.v1.CreateProductRequest"];
    expect(create.properties.price.description).toContain("three capital letters");
    expect(described(paths["/products/{product_id}"]?.patch?.requestBody)).toContain(
      "`low_stock_threshold` from 0 to 1000000000",
    );
  });

  test("a PATCH lists the fields that it can change, and the conditions that it accepts", () => {
    const patch = paths["/products/{product_id}"]?.patch;
    const schema = patch?.requestBody?.content["application/json"]?.schema;
    expect(Object.keys(schema?.properties ?? {})).toEqual([
      "name",
      "description",
      "price",
      "lowStockThreshold",
      "etag",
    ]);
    expect(patch?.parameters.map((each) => resolved(each).name)).toContain("If-Match");
    expect(patch).toHaveProperty("responses.412");
    expect(paths["/orders"]?.post).not.toHaveProperty("responses.412");
  });
});
