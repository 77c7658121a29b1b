import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CallSchema, SpanKind } from "@parley/gen/rpc/v1/telemetry_pb.js";
import picocolors from "picocolors";
import { describe, expect, it } from "vitest";
import { startMs } from "./ask-trace.ts";
import { callLine, isHop } from "./call-line.ts";
import { latencyMs, traceSequence } from "./trace-sequence.ts";

const colors = picocolors.createColors(false);
const call = (startMs: number, init: MessageInitShape<typeof CallSchema>) =>
  create(CallSchema, {
    startTime: timestampFromMs(1_000 + startMs),
    latency: { nanos: 1_000_000 },
    ...init,
  } as MessageInitShape<typeof CallSchema>);

const gateway = call(0, {
  kind: SpanKind.SERVER,
  from: "curl",
  to: "gateway",
  process: "gateway",
  method: "A",
  spanId: "1",
});
const answered = call(1, {
  kind: SpanKind.CLIENT,
  from: "gateway",
  to: "order",
  process: "gateway",
  method: "A",
  spanId: "2",
  parentSpanId: "1",
  latency: { nanos: 4_000_000 },
});
const order = call(2, {
  kind: SpanKind.SERVER,
  from: "gateway",
  to: "order",
  process: "order",
  method: "A",
  spanId: "3",
  parentSpanId: "2",
});
const lost = call(3, {
  kind: SpanKind.CLIENT,
  from: "order",
  to: "product",
  process: "order",
  method: "B",
  spanId: "4",
  parentSpanId: "3",
  code: 14,
  reason: "DEPENDENCY_UNAVAILABLE",
});
const batched = call(4, {
  kind: SpanKind.BATCHED,
  from: "order",
  to: "user",
  process: "user",
  method: "C",
  spanId: "5",
  batchSize: 3,
});
const transaction = call(5, {
  kind: SpanKind.DATABASE,
  from: "order",
  to: "sqlite",
  process: "order",
  method: "transaction",
  spanId: "6",
});
const mail = call(6, {
  kind: SpanKind.MAIL,
  from: "notification",
  to: "smtp",
  process: "notification",
  method: "send",
  spanId: "7",
});

describe("a trace as a sequence", () => {
  it("has each hop once, from the server's span, or the client's if there is none; transactions are omitted", () => {
    const steps = traceSequence([gateway, answered, order, lost, batched, transaction, mail]);
    expect(steps.map(({ from, to, method, code, startMs }) => `${startMs} ${from} → ${to} ${method} ${code}`)).toEqual([
      "0 you → gateway A OK",
      "2 gateway → order A OK",
      "3 order → product B UNAVAILABLE",
      "4 order → user C ⧉3 OK",
      "6 notification → smtp send OK",
    ]);
  });

  it.each([-3_600_000, -2, 0, 1.5, 3_600_000])(
    "has its calls in their callers' time, if a clock differs by %d ms",
    (aheadMs) => {
      const away = (startMs: number, init: MessageInitShape<typeof CallSchema>) => call(startMs + aheadMs, init);
      const server = { kind: SpanKind.SERVER, from: "gateway", to: "order", process: "order" };
      const spans = [
        away(2.5, { ...server, method: "A", spanId: "3", parentSpanId: "2" }),
        away(2.5, {
          kind: SpanKind.CLIENT,
          from: "order",
          to: "product",
          process: "order",
          spanId: "4",
          parentSpanId: "3",
        }),
        gateway,
        answered,
      ];
      const starts = new Map(traceSequence(spans).map(({ to, startMs }) => [to, startMs]));
      expect(starts.get("gateway")).toBe(0);
      expect(starts.get("order")).toBeGreaterThanOrEqual(1);
      expect(starts.get("order")).toBeLessThanOrEqual(4);
      expect(starts.get("product")).toBe(starts.get("order"));
    },
  );
});

it.each([0, 0.4, 0.6, 1.5, 999.9, 1_000.6])("a span of %d ms takes as long, and none is rounded", (ms) => {
  const seconds = BigInt(Math.floor(ms / 1_000));
  const nanos = Math.round((ms % 1_000) * 1e6);
  expect(latencyMs(create(CallSchema, { latency: { seconds, nanos } }))).toBeCloseTo(ms, 6);
  expect(startMs(create(CallSchema, { startTime: { seconds, nanos } }))).toBeCloseTo(ms, 6);
});

describe("a call that outlives its caller's", () => {
  it.each([
    [2.5, 2.5],
    [-3_600_000, 1],
    [3_600_000, 5],
  ])("that began at %d ms by its own clock is drawn at %d", (ownMs, drawnMs) => {
    const late = call(ownMs, {
      kind: SpanKind.SERVER,
      from: "gateway",
      to: "order",
      process: "order",
      spanId: "3",
      parentSpanId: "2",
      latency: { nanos: 9_000_000 },
    });
    expect(traceSequence([gateway, answered, late]).find(({ to }) => to === "order")?.startMs).toBe(drawnMs);
  });
});

describe("a call's line", () => {
  it("is one for each hop, with the reason of a failure and the trace", () => {
    expect([gateway, answered, order, lost, batched, transaction, mail].filter(isHop)).toEqual([
      gateway,
      order,
      lost,
      batched,
      mail,
    ]);
    const line = callLine(create(CallSchema, { ...lost, message: "away", traceId: "f".repeat(32) }), colors);
    expect(line).toMatch(
      /order → product {2}B {2}UNAVAILABLE 1\.0 ms {2}DEPENDENCY_UNAVAILABLE: away {2}client {2}trace f{32}$/,
    );
  });
});
