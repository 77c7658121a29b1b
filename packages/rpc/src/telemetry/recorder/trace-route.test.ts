import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { InventoryService, type ReserveStockRequest } from "@parley/gen/product/v1/inventory_service_pb.js";
import { afterEach, describe, expect, it } from "vitest";
import { createServiceClient } from "../../client/index.ts";
import { type EchoOptions, type EchoServer, everyProtocol, serveEcho } from "../../server/echo-fixture.ts";
import { batchOf } from "../../server/pipeline/batch-of.ts";
import { implementPartly } from "../../server/pipeline/service-module.ts";
import type { TracedCall } from "./trace-route.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const header = (id = traceId) => ({ traceparent: `00-${id}-00f067aa0ba902b7-01` });

const servers: EchoServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map(({ server }) => server.close()));
});

async function serve(options: EchoOptions = {}) {
  const echo = await serveEcho(options);
  servers.push(echo);
  const client = createServiceClient(EchoService, echo.url, { environment: echo.environment, callerName: "order" });
  const traces = async (id = traceId) => {
    const response = await fetch(`${echo.url}/traces/${id}`);
    return { status: response.status, body: (await response.json()) as { calls: TracedCall[]; truncated: boolean } };
  };
  return { ...echo, client, traces };
}

describe("GET /traces/{traceId}", () => {
  it("returns each call of the trace, in every protocol, and no other", async () => {
    const { url, traces } = await serve();
    const protocols = everyProtocol(url);
    for (const [, transport] of protocols) {
      await createClient(EchoService, transport).echo({ message: "hi" }, { headers: header() });
    }
    await createClient(EchoService, protocols[0]?.[1] ?? expect.fail()).echo({}, { headers: header("1".repeat(32)) });
    const { calls, truncated } = (await traces()).body;
    expect(truncated).toBe(false);
    expect(calls).toHaveLength(protocols.length);
    for (const call of calls) {
      expect(call).toMatchObject({
        service: "echo.v1.EchoService",
        method: "Echo",
        peer: "127.0.0.1",
        parentSpanId: "00f067aa0ba902b7",
        spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
        code: "OK",
      });
      expect(call.durationMs).toBeGreaterThan(0);
      expect(Math.abs(call.startTimeMs - Date.now())).toBeLessThan(60_000);
    }
    expect(new Set(calls.map(({ spanId }) => spanId)).size).toBe(protocols.length);
    expect(calls.map(({ startTimeMs }) => startTimeMs)).toEqual(
      calls.map((call) => call.startTimeMs).sort((a, b) => a - b),
    );
  });

  it("contains the caller and the error", async () => {
    const { client, traces } = await serve({
      echo: () => {
        throw new Error("broken");
      },
    });
    await expect(client.echo({}, { headers: header() })).rejects.toThrow();
    const [call] = (await traces()).body.calls;
    expect(call).toMatchObject({ caller: "order", code: "INTERNAL" });
    expect(JSON.stringify(call)).not.toContain("broken");
  });

  it("finds a call without a trace context by its logged id", async () => {
    const { client, traces, calls } = await serve();
    await client.echo({});
    const logged = String(calls()[0]?.traceId);
    expect((await traces(logged)).body.calls).toMatchObject([{ method: "Echo", parentSpanId: "" }]);
  });

  it("limits the recorded size of a call, whatever the caller sends", async () => {
    const { client, traces } = await serve();
    await client.echo({}, { headers: { ...header(), "user-agent": "x".repeat(257) } });
    await client.echo({}, { headers: { traceparent: `${header().traceparent}-${"0".repeat(257)}` } });
    const { calls } = (await traces()).body;
    expect(calls.map(({ caller, parentSpanId }) => [caller.length < 64, parentSpanId])).toEqual([
      [true, "00f067aa0ba902b7"],
      [true, ""],
    ]);
  });

  it("returns the calls of a batch like single calls", async () => {
    const { reserveStock } = InventoryService.method;
    const handle = async ({ orderId }: ReserveStockRequest) => {
      if (orderId === "bad") throw new ConnectError("no", Code.NotFound);
      return {};
    };
    const entry = implementPartly(InventoryService, { batchReserveStock: batchOf(reserveStock, () => handle) });
    const { url, environment, traces } = await serve({ entries: [entry] });
    const items = [{ productId: "101", quantity: 1 }];
    await createServiceClient(InventoryService, url, { environment }).batchReserveStock({
      requests: ["good", "bad", "other"].map((orderId) => ({ orderId, items })),
      origins: [traceId, traceId, "3".repeat(32)].map((id) => ({
        requestId: "r",
        traceparent: header(id).traceparent,
      })),
    });
    const { calls } = (await traces()).body;
    expect(calls.map(({ method, code, parentSpanId }) => [method, code, parentSpanId])).toEqual([
      ["ReserveStock", "OK", "00f067aa0ba902b7"],
      ["ReserveStock", "NOT_FOUND", "00f067aa0ba902b7"],
    ]);
  });

  it("returns a bounded number of calls, and sets truncated", async () => {
    const { client, traces } = await serve();
    for (let calls = 0; calls < 257; calls++) {
      await client.echo({}, { headers: header() });
    }
    const { calls, truncated } = (await traces()).body;
    expect(calls).toHaveLength(256);
    expect(truncated).toBe(true);
  });

  it.each(["x", traceId.toUpperCase(), `${traceId}0`, "%00"])("refuses %j, which is no trace id", async (id) => {
    const { traces } = await serve();
    expect((await traces(id)).status).toBe(400);
  });

  it("omits health checks and unknown traces", async () => {
    const { url, traces } = await serve();
    await fetch(`${url}/grpc.health.v1.Health/Check`, {
      method: "POST",
      headers: { "content-type": "application/json", ...header() },
      body: "{}",
    });
    expect((await traces()).body).toEqual({ calls: [], truncated: false });
  });

  it("is not served if callers must authenticate", async () => {
    const { client, traces } = await serve({
      authorize: {
        identify: async () => undefined,
        permit: () => {},
        admit: async () => {},
        checkOwner: () => undefined,
      },
    });
    await client.echo({}, { headers: header() });
    expect((await traces()).status).toBe(404);
  });
});
