// No request allocates more than 16 times its decompressed size and 1 MiB, or holds the event loop for more than 50 ms of CPU time: every unary
// method, both codecs, with and without compression, each with messages that cost much for their size.
import { request as httpRequest } from "node:http";
import { getHeapStatistics } from "node:v8";
import { gzipSync } from "node:zlib";
import type { DescField, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { NotificationService } from "@parley/gen/notification/v1/notification_service_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { afterAll, beforeAll, expect, it } from "vitest";
import { patchProtobuf } from "../protocol/protobuf-patches/patch-protobuf.ts";
import { type EchoServer, serveEcho } from "./echo-fixture.ts";
import type { ServiceEntry } from "./pipeline/service-module.ts";

const services: readonly DescService[] = [
  UserService,
  ProductService,
  InventoryService,
  OrderService,
  NotificationService,
];

const allocatedFactorMax = 16;
const allocatedFloorBytes = 1 << 20;
const heldMsMax = 50;
/** The minimum of several tries counts: garbage of other requests may be collected in between. */
const triesMax = 6;
const messageBytes = 1 << 20;

const servers: EchoServer[] = [];

async function open(limits = {}): Promise<EchoServer> {
  const server = await serveEcho({ entries: services.map(entryOf), config: { limits } });
  servers.push(server);
  return server;
}

let server: EchoServer;
beforeAll(async () => {
  patchProtobuf();
  server = await open();
});
afterAll(() => Promise.all(servers.map((each) => each.server.close())));

/** Implements all methods of a service with an empty response. */
function entryOf(service: DescService): ServiceEntry {
  const unary = service.methods.filter(({ methodKind }) => methodKind === "unary");
  const implementation = Object.fromEntries(unary.map(({ localName }) => [localName, () => ({})]));
  return { service, implementation: implementation as unknown as ServiceEntry["implementation"] };
}

interface Shape {
  readonly name: string;
  message(input: DescMessage): Buffer;
}

type Codec = "proto" | "json";

function repeated(piece: string | Buffer, bytes = messageBytes): Buffer {
  const unit = Buffer.from(piece as string);
  return Buffer.alloc(Math.floor(bytes / unit.length) * unit.length, unit);
}

/** The tag of a length-delimited field, and no content. */
function emptyField(number: number): Buffer {
  return number < 16
    ? Buffer.from([(number << 3) | 2, 0])
    : Buffer.from([((number << 3) & 0x7f) | 0x82, number >> 4, 0]);
}

/** The first list or map, or else the first message, or else the first field. Undefined if there are no fields. */
function costlyField({ fields }: DescMessage): DescField | undefined {
  return (
    fields.find(({ fieldKind }) => fieldKind === "list" || fieldKind === "map") ??
    fields.find(({ fieldKind }) => fieldKind === "message") ??
    fields[0]
  );
}

const shapes: Readonly<Record<Codec, readonly Shape[]>> = {
  proto: [
    { name: "one field again and again", message: (input) => repeated(emptyField(costlyField(input)?.number ?? 1)) },
    { name: "unknown fields", message: () => repeated(emptyField(15_00)) },
    { name: "unknown varints", message: () => repeated(Buffer.from([0xf8, 1, 1])) },
    {
      name: "nested groups",
      message: () => Buffer.concat([repeated("\x7b", messageBytes / 2), repeated("\x7c", messageBytes / 2)]),
    },
  ],
  json: [
    {
      name: "one list of empty objects",
      message: (input) =>
        Buffer.from(`{"${costlyField(input)?.jsonName ?? "x"}":[${"{},".repeat(messageBytes / 3)}{}]}`),
    },
    {
      name: "unknown fields",
      message: () => Buffer.from(`{${Array.from({ length: 100_000 }, (_, at) => `"f${at}":0`)}}`),
    },
    {
      name: "nested lists",
      message: () => Buffer.concat([repeated("[", messageBytes / 2), repeated("]", messageBytes / 2)]),
    },
    {
      name: "escapes",
      message: (input) =>
        Buffer.from(`{"${costlyField(input)?.jsonName ?? "x"}":"${"\\u0061".repeat(messageBytes / 6)}"}`),
    },
  ],
};

interface Cost {
  readonly status: number;
  readonly heldMs: number;
  readonly allocatedBytes: number;
}

/** Makes one request, and measures the cost of this thread, the client's small part included. */
async function costOf(
  method: DescMethod,
  codec: Codec,
  { body, gzip, url }: { body: Buffer; gzip: boolean; url: string },
): Promise<Cost> {
  let heldMs = 0;
  let lastMs = cpuMs();
  let running = true;
  const look = () => {
    const nowMs = cpuMs();
    heldMs = Math.max(heldMs, nowMs - lastMs);
    lastMs = nowMs;
    if (running) {
      setImmediate(look);
    }
  };
  const before = allocated();
  look();
  const status = await new Promise<number>((resolve, reject) => {
    const request = httpRequest(`${url}/${method.parent.typeName}/${method.name}`, {
      method: "POST",
      headers: {
        "content-type": `application/${codec}`,
        "content-length": body.length,
        ...(gzip ? { "content-encoding": "gzip" } : {}),
      },
    });
    request.on("error", reject).on("response", (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    });
    request.end(body);
  });
  running = false;
  look();
  return { status, heldMs, allocatedBytes: allocated() - before };
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

function allocated(): number {
  return (getHeapStatistics() as { readonly total_allocated_bytes?: number }).total_allocated_bytes ?? Number.NaN;
}

const methods = services.flatMap((service) => service.methods.filter(({ methodKind }) => methodKind === "unary"));
const cells = (["proto", "json"] as const).flatMap((codec) => [false, true].map((gzip) => [codec, gzip] as const));

it.each(cells)(
  "every method stays within the limits with messages in %s, gzip %s",
  async (codec, gzip) => {
    const above: string[] = [];
    for (const [index, method] of methods.entries()) {
      // A shape or two for each method, so that each shape meets many methods.
      for (const shape of (gzip ? [0] : [0, 1]).map(
        (more) => shapes[codec][(index + more * 2 + 1) % shapes[codec].length] as Shape,
      )) {
        const message = shape.message(method.input);
        const body = gzip ? gzipSync(message, { level: 1 }) : message;
        const allocatedMax = message.length * allocatedFactorMax + allocatedFloorBytes;
        let least: Cost | undefined;
        for (let tries = 0; tries < triesMax; tries++) {
          const cost = await costOf(method, codec, { body, gzip, url: server.url });
          least ??= cost;
          least = {
            status: cost.status,
            heldMs: Math.min(least.heldMs, cost.heldMs),
            allocatedBytes: Math.min(least.allocatedBytes, cost.allocatedBytes),
          };
          if (least.heldMs <= heldMsMax && least.allocatedBytes <= allocatedMax) {
            break;
          }
        }
        const { status, heldMs, allocatedBytes } = least as Cost;
        if (!(heldMs <= heldMsMax && allocatedBytes <= allocatedMax) || (status !== 200 && status !== 400)) {
          const megabytes = (allocatedBytes / 2 ** 20).toFixed(1);
          above.push(`${method.name}, ${shape.name}: ${status}, held ${heldMs.toFixed(0)} ms, ${megabytes} MB`);
        }
      }
    }
    expect(above).toEqual([]);
  },
  180_000,
);
