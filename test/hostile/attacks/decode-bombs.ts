import {
  type Attack,
  type AttackOptions,
  type AttackReport,
  type AttackTarget,
  type ServiceName,
  scaled,
} from "../attack.ts";
import { type Dialect, requestBody, sendCall, streamDialects, unaryDialects } from "../wire/call.ts";
import { lengthDelimited, nested, nestedGroups, repeated, varintField } from "../wire/protobuf.ts";

/** Just below REQUEST_BYTES_MAX, so that the size alone is no reason to refuse the message. */
const sizeMax = 4 * 1024 * 1024 - 64;
/** The maximum number of violations in a validation error. */
const violationsMax = 10;
/** The maximum size of an error response. */
const answerBytesMax = 32 * 1024;

interface Method {
  readonly path: string;
  readonly victim: ServiceName;
  /** A repeated field by number and by name, with a valid element in both encodings. */
  readonly list: readonly [field: number, json: string, element: Buffer, jsonElement: string];
  readonly streams?: true;
  /** An internal method, which the gateway does not expose. */
  readonly isInternal?: true;
}

const line = Buffer.concat([lengthDelimited(1, "1"), varintField(2, 1)]);
const lineJson = '{"productId":"1","quantity":1}';
const id = Buffer.from("1");

const methods: readonly Method[] = [
  { path: "/product.v1.InventoryService/CheckStock", victim: "product", list: [1, "items", line, lineJson] },
  { path: "/product.v1.ProductService/BatchGetProducts", victim: "product", list: [1, "productIds", id, '"1"'] },
  {
    path: "/product.v1.InventoryService/WatchStock",
    victim: "product",
    list: [1, "productIds", id, '"1"'],
    streams: true,
  },
  { path: "/product.v1.ProductService/GetProduct", victim: "product", list: [1, "productId", id, '"1"'] },
  { path: "/product.v1.ProductService/ListProducts", victim: "product", list: [2, "pageToken", id, '"1"'] },
  {
    path: "/product.v1.ProductService/UpdateProduct",
    victim: "product",
    list: [2, "updateMask", lengthDelimited(1, "name"), '"name"'],
  },
  {
    path: "/product.v1.InventoryService/ReserveStock",
    victim: "product",
    list: [2, "items", line, lineJson],
    isInternal: true,
  },
  {
    path: "/product.v1.InventoryService/BatchReserveStock",
    victim: "product",
    list: [1, "requests", lengthDelimited(2, line), `{"items":[${lineJson}]}`],
    isInternal: true,
  },
  { path: "/grpc.health.v1.Health/Check", victim: "product", list: [1, "service", id, '"1"'] },
  { path: "/grpc.health.v1.Health/Watch", victim: "product", list: [1, "service", id, '"1"'], streams: true },
  {
    path: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    victim: "product",
    list: [3, "fileByFilename", id, '"1"'],
    streams: true,
  },
  { path: "/order.v1.OrderService/CreateOrder", victim: "order", list: [2, "items", line, lineJson] },
  { path: "/order.v1.OrderService/WatchOrders", victim: "order", list: [2, "afterPosition", id, '"1"'], streams: true },
  { path: "/order.v1.OrderService/ListOrders", victim: "order", list: [4, "pageToken", id, '"1"'] },
  { path: "/user.v1.UserService/BatchGetUsers", victim: "user", list: [1, "userIds", id, '"1"'] },
  { path: "/user.v1.UserService/CreateUser", victim: "user", list: [1, "name", id, '"1"'] },
];

interface Shape {
  readonly name: string;
  readonly codec: Dialect["codec"];
  message(method: Method, size: number): Buffer;
}

const shapes: readonly Shape[] = [
  {
    name: "empty-elements",
    codec: "proto",
    message: ({ list: [field] }, size) => repeated(lengthDelimited(field, ""), size),
  },
  {
    name: "valid-elements",
    codec: "proto",
    message: ({ list: [field, , element] }, size) => repeated(lengthDelimited(field, element), size),
  },
  { name: "unknown-varints", codec: "proto", message: (_, size) => repeated(varintField(15, 1), size) },
  { name: "unknown-fields", codec: "proto", message: (_, size) => repeated(lengthDelimited(15, ""), size) },
  { name: "different-unknown-fields", codec: "proto", message: (_, size) => differentFields(size) },
  { name: "nested-groups", codec: "proto", message: (_, size) => nestedGroups(15, Math.floor(size / 2)) },
  {
    name: "nested-messages",
    codec: "proto",
    message: ({ list: [field] }, size) => nested(field, Math.floor(size / 5)),
  },
  {
    name: "long-varints",
    codec: "proto",
    message: (_, size) => repeated(Buffer.from([0x78, ...Array<number>(9).fill(0x80), 0]), size),
  },
  { name: "json-empty-elements", codec: "json", message: ({ list: [, name] }, size) => jsonList(name, "{}", size) },
  {
    name: "json-valid-elements",
    codec: "json",
    message: ({ list: [, name, , element] }, size) => jsonList(name, element, size),
  },
  {
    name: "json-nested-arrays",
    codec: "json",
    message: (_, size) => wrapped('{"x":', brackets("[", "]", size - 8), "}"),
  },
  { name: "json-flat-arrays", codec: "json", message: (_, size) => jsonList("x", "[]", size) },
  { name: "json-nested-objects", codec: "json", message: (_, size) => jsonNestedObjects(size) },
  { name: "json-unknown-fields", codec: "json", message: (_, size) => jsonFields(size) },
  { name: "json-same-field", codec: "json", message: ({ list: [, name] }, size) => jsonSameField(name, size) },
  {
    name: "json-escapes",
    codec: "json",
    message: ({ list: [, name] }, size) => wrapped(`{"${name}":"`, repeated(Buffer.from("\\u0041"), size - 64), '"}'),
  },
  {
    name: "json-digits",
    codec: "json",
    message: ({ list: [, name] }, size) => wrapped(`{"${name}":1`, repeated(Buffer.from("0"), size - 64), "}"),
  },
];

function wrapped(before: string, middle: Buffer, after: string): Buffer {
  return Buffer.concat([Buffer.from(before), middle, Buffer.from(after)]);
}

function jsonList(name: string, element: string, size: number): Buffer {
  return wrapped(`{"${name}":[${element}`, repeated(Buffer.from(`,${element}`), size - 128), "]}");
}

function brackets(open: string, close: string, size: number): Buffer {
  const depth = Math.floor(size / 2);
  return Buffer.concat([Buffer.alloc(depth, open), Buffer.alloc(depth, close)]);
}

function jsonNestedObjects(size: number): Buffer {
  const depth = Math.floor((size - 8) / 6);
  return Buffer.concat([repeated(Buffer.from('{"a":'), depth * 5), Buffer.from("1"), Buffer.alloc(depth, "}")]);
}

function jsonFields(size: number): Buffer {
  const fields: string[] = [];
  for (let bytes = 2, number = 0; bytes < size - 16; number++) {
    const field = `"${number.toString(36)}":0`;
    fields.push(field);
    bytes += field.length + 1;
  }
  return Buffer.from(`{${fields.join(",")}}`);
}

function jsonSameField(name: string, size: number): Buffer {
  return wrapped(`{"${name}":null`, repeated(Buffer.from(`,"${name}":null`), size - 128), "}");
}

function differentFields(size: number): Buffer {
  const fields: Buffer[] = [];
  for (let bytes = 0, number = 100; bytes < size - 8; number++) {
    const field = varintField(number, 0);
    fields.push(field);
    bytes += field.length;
  }
  return Buffer.concat(fields);
}

interface Cell {
  readonly method: Method;
  readonly dialect: Dialect;
  readonly gzip: boolean;
  /** At the gateway: a `POST` to this REST path instead. */
  readonly rest?: string;
}

const restPaths: Readonly<Record<string, string>> = {
  "/product.v1.InventoryService/CheckStock": "/stock:check",
  "/order.v1.OrderService/CreateOrder": "/orders",
  "/user.v1.UserService/CreateUser": "/users",
};
/** The maximum body size of a REST request. */
const restSizeMax = 1024 * 1024 - 64;

function cells(shape: Shape, victim: ServiceName, { kind }: AttackTarget): Cell[] {
  return methods
    .filter((method) => method.victim === victim && !(kind === "gateway" && method.isInternal === true))
    .flatMap((method) => {
      const dialects = method.streams === true ? streamDialects : unaryDialects;
      const rpc = dialects
        .filter(({ codec }) => codec === shape.codec)
        .flatMap((dialect) => [true, false].map((gzip) => ({ method, dialect, gzip })));
      const rest = kind === "gateway" && shape.codec === "json" ? restPaths[method.path] : undefined;
      const plain = unaryDialects.find(({ name }) => name === "Connect/1 json") as Dialect;
      return rest === undefined ? rpc : [...rpc, { method, dialect: plain, gzip: false, rest }];
    });
}

/**
 * The number of requests of one shape that are measured at scale 1, out of all methods, protocols and encodings. The seed
 * determines their order.
 */
const cellsMax = 60;

async function bomb(
  shape: Shape,
  victim: ServiceName,
  target: AttackTarget,
  options: AttackOptions,
): Promise<AttackReport> {
  const { scale, signal, random, step } = options;
  const findings = new Set<string>();
  const every = shuffled(cells(shape, victim, target), random).slice(0, scaled(cellsMax, scale, 2));
  let done = 0;
  for (const { method, dialect, gzip, rest } of every) {
    if (signal.aborted) break;
    const message = shape.message(method, rest === undefined ? sizeMax : restSizeMax);
    const { body, more } = requestBody(dialect, message, gzip);
    const what = `${rest ?? method.path.split("/").pop()} ${rest === undefined ? dialect.name : "REST"}${gzip ? " gzip" : ""}`;
    await step(what, message.length, async () => {
      const call = { path: rest ?? method.path, token: target.token, more };
      const answer = await sendCall(target.urls[method.victim], dialect, {
        body,
        ...call,
        maxMs: method.streams === true ? 1_500 : 20_000,
      });
      for (const finding of wrong(answer, method)) findings.add(`${what}: ${finding}`);
    });
    done++;
  }
  return { findings: [...findings].slice(0, 5), note: `${done} of ${every.length} requests` };
}

function wrong(
  { outcome, bytes, text }: Awaited<ReturnType<typeof sendCall>>,
  { path, streams }: Method,
): readonly string[] {
  const found: string[] = [];
  if (outcome === "no answer" && streams !== true) found.push("no answer");
  // A successful list response is long, and reflection echoes the request; an error must be short.
  if (bytes > answerBytesMax && !path.includes("Reflection") && !text.includes("HTTP/1.1 200"))
    found.push(`an answer of ${bytes} bytes`);
  const violations = text.match(/"field":/g)?.length ?? 0;
  if (violations > violationsMax) found.push(`${violations} violations in the answer`);
  return found;
}

function shuffled<T>(list: T[], random: () => number): T[] {
  for (let last = list.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [list[last], list[other]] = [list[other] as T, list[last] as T];
  }
  return list;
}

/** Every shape at the product service, and the most expensive ones at the other services too. */
export const decodeBombs: readonly Attack[] = shapes.flatMap((shape) =>
  (["product", "order", "user"] as const)
    .filter((victim) => victim === "product" || /^(json-)?empty-elements$/.test(shape.name))
    .map((victim) => ({
      name: `decode-bombs/${shape.name}${victim === "product" ? "" : `-${victim}`}`,
      victim,
      timeMaxMs: 40_000,
      run: (target: AttackTarget, options: AttackOptions) => bomb(shape, victim, target, options),
    })),
);
