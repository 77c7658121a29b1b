import { gzipSync } from "node:zlib";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { afterEach, describe, expect, it } from "vitest";
import { type EchoServer, serveEcho } from "./echo-fixture.ts";
import { implement } from "./pipeline/service-module.ts";

const running: EchoServer[] = [];

async function start(rpcPath: "own" | "stock"): Promise<EchoServer & { readonly placed: () => number }> {
  let placed = 0;
  const orders = implement(OrderService, {
    createOrder: () => {
      placed++;
      return {};
    },
  } as never);
  const server = await serveEcho({ entries: [orders], config: { rpcPath } });
  running.push(server);
  return Object.assign(server, { placed: () => placed });
}

afterEach(async () => {
  await Promise.all(running.splice(0).map(({ server }) => server.close()));
});

const mebibyte = 1 << 20;

function repeated(bytes: readonly number[], count: number): Buffer {
  return Buffer.alloc(bytes.length * count, Buffer.from(bytes));
}

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly details: { readonly debug?: { readonly reason?: string } }[];
}

/** Messages that are expensive to decode or to validate for their size. */
const bombs: readonly [string, contentType: string, body: Buffer, reason: string, words: string][] = [
  [
    "empty items",
    "application/proto",
    repeated([0x12, 0], 2_000_000),
    "INVALID_REQUEST",
    "`items` must have at most 100 items.",
  ],
  [
    "unknown fields",
    "application/proto",
    repeated([0x7a, 0], 2_000_000),
    "MESSAGE_TOO_COMPLEX",
    "more than 25000 elements",
  ],
  [
    "one field again and again",
    "application/proto",
    repeated([0x0a, 0], 2_000_000),
    "MESSAGE_TOO_COMPLEX",
    "more than 100000 fields",
  ],
  [
    "empty items in JSON",
    "application/json",
    Buffer.from(`{"items":[${"{},".repeat(mebibyte)}{}]}`),
    "MESSAGE_TOO_COMPLEX",
    "more than 25000 elements",
  ],
  [
    "lists in JSON",
    "application/json",
    Buffer.from(`[${"[],".repeat(mebibyte)}[]]`),
    "MESSAGE_TOO_COMPLEX",
    "elements",
  ],
  [
    "nested lists in JSON",
    "application/json",
    Buffer.from("[".repeat(4 * mebibyte)),
    "MESSAGE_TOO_COMPLEX",
    "nested deeper than",
  ],
];

function post(url: string, body: Buffer, headers: Record<string, string>) {
  return fetch(`${url}/order.v1.OrderService/CreateOrder`, { method: "POST", headers, body: Uint8Array.from(body) });
}

describe.each(["own", "stock"] as const)("on the %s path, a request that is expensive for its size", (rpcPath) => {
  it.each(bombs)("is refused before decoding, with and without compression: %s", async (...bomb) => {
    const [, contentType, body, reason, words] = bomb;
    const { url, placed } = await start(rpcPath);
    for (const headers of [
      { "content-type": contentType },
      { "content-type": contentType, "content-encoding": "gzip" },
    ]) {
      const sent = "content-encoding" in headers ? gzipSync(body) : body;
      const response = await post(url, sent, headers);
      expect(response.status).toBe(400);
      const refusal = (await response.json()) as Refusal;
      expect(refusal.code).toBe("invalid_argument");
      expect(refusal.message).toContain(words);
      expect(refusal.details[0]?.debug?.reason).toBe(reason);
    }
    expect(placed()).toBe(0);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/parley_server_requests_over_limit_total\{limit="\w+"\} 2/);
  });

  it("gets an error with at most ten of a hundred violations", async () => {
    const { url } = await start(rpcPath);
    const items = Array.from({ length: 100 }, () => ({ productId: "" }));
    const response = await post(url, Buffer.from(JSON.stringify({ userId: "1", items })), {
      "content-type": "application/json",
    });
    const refusal = (await response.json()) as Refusal;
    expect(refusal.message.match(/`[^`]+` (?:is|must)/g)).toHaveLength(10);
    expect(refusal.message).toMatch(/And \d+ more fields are wrong\.$/);
  });

  it("gets the violation of the list length before those of the entries", async () => {
    const { url } = await start(rpcPath);
    const items = Array.from({ length: 101 }, () => ({ productId: "" }));
    const response = await post(url, Buffer.from(JSON.stringify({ items })), { "content-type": "application/json" });
    expect(((await response.json()) as Refusal).message).toBe("`items` must have at most 100 items.");
  });
});

describe.each(["own", "stock"] as const)("on the %s path, a malformed request", (rpcPath) => {
  const json = { "content-type": "application/json" };
  const proto = { "content-type": "application/proto" };
  const gzip = gzipSync('{"userId":"1"}');
  it.each([
    ["truncated protobuf", proto, Buffer.from([0x0a, 5, 0x31])],
    ["invalid UTF-8 in protobuf", proto, Buffer.from([0x0a, 2, 0xff, 0xfe])],
    ["truncated gzip", { ...json, "content-encoding": "gzip" }, gzip.subarray(0, 15)],
    [
      "gzip with a wrong checksum",
      { ...json, "content-encoding": "gzip" },
      Buffer.concat([gzip.subarray(0, -8), Buffer.alloc(8)]),
    ],
    ["bytes that are not gzip", { ...json, "content-encoding": "gzip" }, Buffer.from("{}")],
    ["invalid UTF-8 in JSON", json, Buffer.from('{"userId":"caf\xe9"}', "latin1")],
    ["a number in hexadecimal", json, Buffer.from('{"userId":"1","items":[{"productId":"1","quantity":"0x10"}]}')],
    ["a number with a plus", json, Buffer.from('{"userId":"1","items":[{"productId":"1","quantity":"+5"}]}')],
  ])("gets a client error: %s", async (_name, headers, body) => {
    const { url, placed } = await start(rpcPath);
    const response = await post(url, body, headers);
    expect(response.status).toBe(400);
    const refusal = (await response.json()) as Refusal;
    expect(refusal.code).toBe("invalid_argument");
    expect(refusal.details[0]?.debug?.reason).toBe("INVALID_REQUEST");
    expect(placed()).toBe(0);
  });

  it.each(["gzip", "GZIP", "Gzip", "x-gzip", "identity", "Identity", ""])(
    "may name its compression in any letter case: %j",
    async (coding) => {
      const { url, placed } = await start(rpcPath);
      const text = '{"userId":"1","items":[{"productId":"1","quantity":1}]}';
      const body = /gzip/i.test(coding) ? gzipSync(text) : Buffer.from(text);
      const response = await post(url, body, { ...json, "content-encoding": coding });
      expect(response.status, await response.text()).toBe(200);
      expect(placed()).toBe(1);
    },
  );
});
