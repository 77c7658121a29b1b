import { create } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { createGatewayModule } from "@parley/gateway";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import {
  type Call,
  CallSchema,
  MethodKind,
  SpanKind,
  TelemetryService,
  WatchCallsResponseSchema,
} from "@parley/gen/rpc/v1/telemetry_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { implementPartly, serve } from "@parley/rpc/server";
import { connectInMemory } from "@parley/rpc/testing";
import type { Page } from "playwright-core";

/** A gateway whose only process reports generated calls at a steady rate. */
export interface CallFlood {
  readonly url: string;
  close(): Promise<void>;
}

/** How often calls are reported, in milliseconds. */
const tickMs = 50;

export async function startCallFlood(callsPerSecond: number): Promise<CallFlood> {
  const environment = systemEnvironment({ name: "flood", logLevel: "silent" });
  async function* watchCalls(_request: unknown, { signal }: { readonly signal: AbortSignal }) {
    let last = 0;
    yield create(WatchCallsResponseSchema, {});
    while (!signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, tickMs));
      let due = (callsPerSecond * tickMs) / 1_000;
      while (due > 0) {
        const calls = Array.from({ length: Math.min(due, 256) }, () => madeUpCall(++last));
        due -= calls.length;
        yield create(WatchCallsResponseSchema, { calls });
      }
    }
  }
  const order = { entries: [implementPartly(OrderService, {}), implementPartly(TelemetryService, { watchCalls })] };
  const module = createGatewayModule({
    environment,
    backends: { order: connectInMemory(order, environment) },
    signIn: false,
  });
  const server = await serve(module, { name: "gateway", environment });
  return {
    url: server.url.replace("127.0.0.1", "localhost"),
    close: () => server.close().catch(() => {}),
  };
}

/** The time from a click until the page has painted its effect, in milliseconds. */
export async function answerMs(page: Page): Promise<number> {
  return Number(
    await page.evaluate(`new Promise((resolve) => {
      const button = [...document.querySelectorAll("button[aria-pressed]")].find((one) => /Pause|Resume/.test(one.textContent));
      const beganAt = performance.now();
      // Like real input, the click waits in the event loop behind the page's other work.
      setTimeout(() => {
        button.click();
        requestAnimationFrame(() => requestAnimationFrame(() => { resolve(performance.now() - beganAt); setTimeout(() => button.click(), 0); }));
      }, 0);
    })`),
  );
}

/** The page's JavaScript heap after a collection, in MiB. */
export async function heapMiB(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize / 1_048_576;
}

/** The share of one processor core that the page's main thread takes, from 0 to 1. */
export async function mainThreadShare(page: Page, seconds: number): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const taken = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0;
  };
  const before = await taken();
  await page.waitForTimeout(seconds * 1_000);
  const share = ((await taken()) - before) / seconds;
  await session.detach();
  return share;
}

function madeUpCall(number: number): Call {
  const hex = number.toString(16);
  return create(CallSchema, {
    startTime: timestampNow(),
    latency: { nanos: (number % 97) * 100_000 },
    kind: SpanKind.SERVER,
    from: number % 3 === 0 ? "gateway" : "order",
    to: number % 3 === 0 ? "order" : "product",
    service: "product.v1.InventoryService",
    method: number % 3 === 0 ? "CreateOrder" : "ReserveStock",
    protocol: "grpc",
    methodKind: MethodKind.UNARY,
    code: number % 50 === 0 ? 14 : 0,
    message: number % 50 === 0 ? "made up" : "",
    requestId: `request-${hex}`,
    traceId: hex.padStart(32, "0"),
    spanId: hex.padStart(16, "0"),
    parentSpanId: hex.padStart(16, "1"),
    process: "product",
    replica: "one",
  });
}
