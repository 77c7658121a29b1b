// With OpenTelemetry's own SDK, as an application registers it.
import { context, propagation, type Span, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { within } from "../call/call-context.ts";
import { createServiceClient } from "../client/index.ts";
import { systemEnvironment } from "../environment/system-environment.ts";
import { implement, implementPartly, serve } from "../server/index.ts";
import { Recorder, type RecorderOptions } from "../telemetry/recorder/recorder.ts";
import { bridgeOpenTelemetry } from "./bridge.ts";
import { openTelemetry } from "./open-telemetry.ts";

const exporter = new InMemorySpanExporter();
const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
const tracer = provider.getTracer("application");
let disconnect: () => void;
const closing: (() => unknown)[] = [];

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());
beforeEach(() => {
  disconnect = bridgeOpenTelemetry();
});
afterEach(async () => {
  disconnect();
  exporter.reset();
  for (const close of closing.splice(0).reverse()) {
    await close();
  }
});

/** An environment that records everything as sampled. */
function recording(options: RecorderOptions = {}) {
  const environment = systemEnvironment({ name: "test", logLevel: "silent" });
  const sampler = { isSampled: () => true };
  return { ...environment, recorder: new Recorder(environment, { process: "test", sampler, ...options }) };
}

type Environment = ReturnType<typeof recording>;

/** A server whose methods run code of an application. */
async function serving(work: () => unknown, environment: Environment | ReturnType<typeof systemEnvironment>) {
  const entries = [
    implement(EchoService, {
      echo: async ({ message }) => {
        await work();
        return { message };
      },
    }),
    implementPartly(OrderService, {
      async *watchOrders() {
        for (const position of ["1", "2"]) {
          await work();
          yield { position };
        }
      },
    }),
  ];
  const server = await serve({ entries }, { name: "test", environment, config: { drainNoticeMs: 0 } });
  closing.push(() => server.close());
  const options = { environment, callerName: "application" };
  return {
    url: server.url,
    echo: createServiceClient(EchoService, server.url, options),
    orders: createServiceClient(OrderService, server.url, options),
  };
}

/** The recorded span of a call at a server. */
function serverSpan({ journal }: Recorder, method: string) {
  const all = [...journal.all()].filter((span) => span.kind === 1 && span.method?.name === method);
  return all.at(-1) ?? expect.fail(`no span of ${method}`);
}
const idsOf = (traceparent: string | undefined) => traceparent?.split("-").slice(1, 3);
const idsOfSpan = (span: Span) => [span.spanContext().traceId, span.spanContext().spanId];

describe("the active span while an implementation runs", () => {
  it("is the call's, so that an application's span is its child", async () => {
    const environment = recording();
    const { echo } = await serving(() => tracer.startActiveSpan("work", (span) => span.end()), environment);
    await echo.echo({}, { headers: { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, tracestate: "v=1" } });
    const [work] = exporter.getFinishedSpans();
    const call = serverSpan(environment.recorder, "Echo");
    expect([work?.spanContext().traceId, work?.parentSpanContext?.spanId]).toEqual(idsOf(call.traceparent));
    expect(work?.spanContext().traceId).toBe("a".repeat(32));
    expect(work?.parentSpanContext?.traceState?.serialize()).toBe("v=1");
  });

  it("is the call's for each message of a stream", async () => {
    const environment = recording();
    const { orders } = await serving(() => tracer.startActiveSpan("work", (span) => span.end()), environment);
    for await (const { position } of orders.watchOrders({})) {
      expect(position).toMatch(/^[12]$/);
    }
    await expect.poll(() => serverSpan(environment.recorder, "WatchOrders")).toBeDefined();
    const [traceId, spanId] = idsOf(serverSpan(environment.recorder, "WatchOrders").traceparent) ?? [];
    expect(
      exporter.getFinishedSpans().map((span) => [span.spanContext().traceId, span.parentSpanContext?.spanId]),
    ).toEqual([
      [traceId, spanId],
      [traceId, spanId],
    ]);
  });

  it("is that of each of many concurrent calls", async () => {
    const seen = new Map<string, string | undefined>();
    const environment = recording();
    const { echo } = await serving(async () => {
      const before = trace.getActiveSpan()?.spanContext();
      await new Promise((resolve) => setTimeout(resolve, 1));
      expect(trace.getActiveSpan()?.spanContext().spanId).toBe(before?.spanId);
      seen.set(before?.traceId ?? "", before?.spanId);
    }, environment);
    const traceIds = Array.from({ length: 20 }, (_, index) => (index + 1).toString(16).padStart(32, "c"));
    await Promise.all(
      traceIds.map((id) => echo.echo({}, { headers: { traceparent: `00-${id}-${"b".repeat(16)}-01` } })),
    );
    expect([...seen.keys()].sort()).toEqual(traceIds.sort());
    expect(new Set(seen.values()).size).toBe(20);
  });

  it("brings the call's baggage with it", async () => {
    const { W3CBaggagePropagator } = await import("@opentelemetry/core");
    propagation.setGlobalPropagator(new W3CBaggagePropagator());
    closing.push(() => propagation.disable());
    let plan: string | undefined;
    const { echo } = await serving(() => {
      plan = propagation.getActiveBaggage()?.getEntry("plan")?.value;
    }, recording());
    await echo.echo({}, { headers: { baggage: "user=a,plan=b" } });
    expect(plan).toBe("b");
  });

  it("is none without the bridge", async () => {
    disconnect();
    let active: Span | undefined;
    const { echo } = await serving(() => {
      active = trace.getActiveSpan();
    }, recording());
    await echo.echo({});
    expect(active).toBeUndefined();
  });
});

describe("a call that an application makes within its own span", () => {
  it("has that span as its parent, recorded or not", async () => {
    for (const environment of [recording(), systemEnvironment({ name: "test", logLevel: "silent" })]) {
      let received: string | undefined;
      const { echo, url } = await serving(() => {
        received = trace.getActiveSpan()?.spanContext().traceId;
      }, environment);
      expect(url).toContain("http");
      await tracer.startActiveSpan("outside", async (span) => {
        await echo.echo({});
        span.end();
        expect(received).toBe(span.spanContext().traceId);
        if ("recorder" in environment) {
          const client = [...(environment.recorder as Recorder).journal.all()].find(({ kind }) => kind === 2);
          expect(idsOf(client?.parent)).toEqual(idsOfSpan(span));
        }
      });
    }
  });

  it("has the span within the incoming call as its parent, and never one of another trace", async () => {
    const environment = recording();
    const inner = await serving(() => {}, environment);
    const other = tracer.startSpan("another trace");
    let opened: Span | undefined;
    const entry = implement(EchoService, {
      echo: async ({ message }, call) => {
        if (message === "own") {
          await tracer.startActiveSpan("work", async (span) => {
            opened = span;
            await inner.echo.echo({ message }, within(call));
            span.end();
          });
        } else {
          await context.with(trace.setSpan(context.active(), other), () => inner.echo.echo({ message }, within(call)));
        }
        return { message };
      },
    });
    const server = await serve({ entries: [entry] }, { name: "outer", environment, config: { drainNoticeMs: 0 } });
    closing.push(() => server.close());
    const client = createServiceClient(EchoService, server.url, { environment });
    const parentOfInner = () =>
      [...environment.recorder.journal.all()].filter(({ kind }) => kind === 2).map(({ parent }) => idsOf(parent));
    await client.echo({ message: "own" });
    expect(opened).toBeDefined();
    expect(parentOfInner()).toContainEqual(opened && idsOfSpan(opened));
    await client.echo({ message: "other" });
    expect(parentOfInner()).not.toContainEqual(idsOfSpan(other));
  });
});

it("openTelemetry records and exports as the OTEL_ variables say, and names a wrong one", async () => {
  const environment = systemEnvironment({ name: "test", logLevel: "silent" });
  const telemetry = await openTelemetry(environment, { name: "shop", variables: { OTEL_TRACES_SAMPLER: "always_on" } });
  closing.push(() => telemetry.close());
  expect(telemetry.environment.recorder).toBeDefined();
  const wrong = { name: "shop", variables: { OTEL_TRACES_SAMPLER: "sometimes" } };
  await expect(async () => openTelemetry(environment, wrong)).rejects.toThrow(/OTEL_TRACES_SAMPLER: must be one of/);
});
