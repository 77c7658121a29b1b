import { create } from "@bufbuild/protobuf";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { CallFilterSchema } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { CreateUserRequestSchema, ListUsersResponseSchema } from "@parley/gen/user/v1/user_service_pb.js";
import { describe, expect, it } from "vitest";
import { type SpanInit, spanKinds } from "../../environment/spans/span-recorder.ts";
import { systemEnvironment } from "../../environment/system-environment.ts";
import { errorDetailTypes } from "../../server/standard/error-detail-types.ts";
import { createTestClock } from "../../testing/test-clock.ts";
import { spanFilter } from "./call-filter.ts";
import { watchCalls, watchedPerSecondMax, watchedTogetherMax } from "./call-watch.ts";
import { maskedJson } from "./masked-json.ts";
import { isSampled, type RecordedSpan, traceIdOf } from "./recorded-span.ts";
import { Recorder, type RecorderOptions } from "./recorder.ts";
import { createSampler, samplerNames } from "./sampler.ts";

const environment = systemEnvironment({ name: "test", logLevel: "silent" });
const recorderOf = (options: RecorderOptions = {}) => new Recorder(environment, { process: "test", ...options });
const traceparent = (trace: number, span = 1, flags = "00") =>
  `00-${trace.toString(16).padStart(32, "0")}-${span.toString(16).padStart(16, "0")}-${flags}`;
const span = (init: Partial<SpanInit> = {}): SpanInit => ({
  kind: spanKinds.server,
  method: EchoService.method.echo,
  startMs: 0,
  latencyMs: 1,
  ...init,
});

describe("the recorded spans", () => {
  it("are the most recent ones; traces with a failed or slow span are kept longer", () => {
    const recorder = recorderOf({ slowMs: 500 });
    recorder.record(span({ traceparent: traceparent(1, 1) }));
    recorder.record(span({ traceparent: traceparent(1, 2), code: 13 }));
    recorder.record(span({ traceparent: traceparent(2), latencyMs: 500 }));
    recorder.record(span({ traceparent: traceparent(3) }));
    for (let other = 0; other < 5_000; other++) {
      recorder.record(span({ traceparent: traceparent(1_000 + other) }));
    }
    const kept = (trace: number) => recorder.journal.ofTrace(traceIdOf(traceparent(trace))).length;
    expect([kept(1), kept(2), kept(3)]).toEqual([2, 1, 0]);
    expect([...recorder.journal.all()].length).toBeLessThanOrEqual(4_096 + 1_024);
  });

  it("are bounded in number, even if many fail, and payloads in bytes", () => {
    const recorder = recorderOf({ payloads: true });
    for (let failed = 0; failed < 10_000; failed++) {
      const payload = { requestHeader: [], responseHeader: [], request: undefined, response: undefined, bytes: 65_536 };
      recorder.record(span({ traceparent: traceparent(failed), code: 14, payload }));
    }
    const all = [...recorder.journal.all()];
    expect(all.length).toBe(1_024);
    const bytes = all.reduce((sum, { payload }) => sum + (payload?.bytes ?? 0), 0);
    expect(bytes).toBeLessThanOrEqual(8 * 1024 * 1024);
    expect(bytes).toBeGreaterThan(0);
  });

  it("of an unsampled trace are exported once a span fails, each one once", () => {
    const exported: RecordedSpan[] = [];
    const sampler = createSampler("parentbased_always_off", 0);
    const recorder = recorderOf({ sampler, sink: { add: (one) => exported.push(one) } });
    recorder.record(span({ kind: spanKinds.client, traceparent: traceparent(1, 2) }));
    recorder.record(span({ traceparent: traceparent(2) }));
    recorder.record(span({ traceparent: traceparent(1, 1), code: 13 }));
    recorder.record(span({ kind: spanKinds.mail, traceparent: traceparent(1, 3) }));
    expect(exported.map((one) => one.traceparent)).toEqual([1, 2, 3].map((id) => traceparent(1, id)).sort());
  });
});

describe("sampling", () => {
  it.each(samplerNames)("with %s follows the caller if and only if its name says so", (name) => {
    const sampler = createSampler(name, 0.5);
    const decided = [true, false].map((parent) => sampler.isSampled("f".repeat(32), parent));
    const alone = sampler.isSampled("f".repeat(32), undefined);
    expect(decided).toEqual(name.startsWith("parentbased") ? [true, false] : [alone, alone]);
  });

  it("selects the same traces in every process, in proportion to the ratio, and a higher ratio includes those of a lower one", () => {
    const ids = Array.from({ length: 2_000 }, () => recorderOf().childOf(undefined).slice(3, 35));
    const taken = (ratio: number) => ids.filter((id) => createSampler("traceidratio", ratio).isSampled(id, undefined));
    expect(taken(0)).toEqual([]);
    expect(taken(1)).toEqual(ids);
    expect(Math.abs(taken(0.3).length - 600)).toBeLessThan(150);
    const more = new Set(taken(0.4));
    expect(taken(0.3).every((id) => more.has(id))).toBe(true);
  });

  it("sets the sampled flag of propagated contexts, and keeps other flags", () => {
    const always = recorderOf({ sampler: createSampler("always_on", 1) });
    const never = recorderOf({ sampler: createSampler("always_off", 1) });
    expect([always.flags("1".repeat(32), "02"), never.flags("1".repeat(32), "03")]).toEqual(["03", "02"]);
    expect(isSampled(always.childOf(undefined))).toBe(true);
    expect(isSampled(never.childOf(traceparent(1, 1, "01")))).toBe(false);
  });
});

describe("watching", () => {
  const ended = new Map<string, RecordedSpan>();
  const recorder = recorderOf();
  const stop = recorder.listen((read) => ended.set(read().name || String(read().code), read()));
  recorder.record(span({ traceparent: traceparent(0) }));
  recorder.record(span({ code: 5, traceparent: traceparent(5) }));
  recorder.record(span({ code: 13, latencyMs: 10 }));
  recorder.record(span({ kind: spanKinds.database, method: undefined, name: "transaction", other: "sqlite" }));
  stop();

  it.each([
    [{}, ["0", "5", "13", "transaction"]],
    [{ failed: true }, ["5", "13"]],
    [{ codes: [5] }, ["5"]],
    [{ minLatency: { seconds: 0n, nanos: 5_000_000 } }, ["13"]],
    [{ method: "Echo" }, ["0", "5", "13"]],
    [{ method: "transaction" }, ["transaction"]],
    [{ service: "echo.v1.EchoService" }, ["0", "5", "13"]],
    [{ service: "sqlite" }, ["transaction"]],
    [{ service: "test", traceId: traceIdOf(traceparent(5)) }, ["5"]],
    [{ kinds: [spanKinds.client] }, []],
  ])("with the filter %o returns the calls that match all of it", (filter, names) => {
    const matches = spanFilter(create(CallFilterSchema, filter));
    expect([...ended].filter(([, one]) => matches(one)).map(([name]) => name)).toEqual(names);
  });

  it("drops calls beyond a watcher's rate limit, and reports their number", async () => {
    const clock = createTestClock();
    const cancellation = new AbortController();
    const busy = recorderOf();
    const watching = watchCalls(busy, { clock, matches: () => true, signal: cancellation.signal });
    const first = watching.next();
    for (let call = 0; call < 2_000; call++) {
      busy.record(span());
    }
    await clock.advance(1_000);
    const watched = (await first).value;
    expect(watched?.spans).toHaveLength(watchedTogetherMax);
    expect((watched?.lost ?? 0) + watchedPerSecondMax).toBe(2_000);
    cancellation.abort();
    // A watcher that has ended leaves no state.
    expect((await watching.next()).done || (await watching.next()).done).toBe(true);
  });
});

describe("payloads", () => {
  it("have debug_redact fields masked, at any depth", () => {
    const request = create(CreateUserRequestSchema, {
      name: "Ann",
      email: "a@b.c",
      password: "secret",
      requestId: "r",
    });
    const { text } = maskedJson(CreateUserRequestSchema, request, errorDetailTypes);
    expect(JSON.parse(text)).toEqual({ name: "REDACTED", email: "REDACTED", password: "REDACTED", requestId: "r" });
    const list = create(ListUsersResponseSchema, { users: [{ id: "1", name: "Ann", address: "Street" }] });
    const masked = maskedJson(ListUsersResponseSchema, list, errorDetailTypes).text;
    expect(JSON.parse(masked)).toEqual({ users: [{ id: "1", name: "REDACTED", address: "REDACTED" }] });
  });

  it("are truncated if they are long", () => {
    const users = Array.from({ length: 2_000 }, (_, id) => ({ id: String(id) }));
    const { text, truncated } = maskedJson(
      ListUsersResponseSchema,
      create(ListUsersResponseSchema, { users }),
      errorDetailTypes,
    );
    expect([text.length, truncated]).toEqual([16_384, true]);
  });
});
