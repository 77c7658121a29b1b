import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import {
  AddressState,
  BreakerState,
  type Call,
  CallMark,
  type ProcessDependencies,
  SpanKind,
  TelemetryService,
} from "@parley/gen/rpc/v1/telemetry_pb.js";
import { afterEach, describe, expect, it } from "vitest";
import { createServiceClient } from "../../client/index.ts";
import { spanKinds } from "../../environment/spans/span-recorder.ts";
import { reportBroker } from "../../telemetry/dependencies.ts";
import { Recorder } from "../../telemetry/recorder/recorder.ts";
import { createStoreObserver } from "../../telemetry/store-observer.ts";
import { type EchoOptions, echoBack, recordingEnvironment } from "../echo-fixture.ts";
import { implement } from "../pipeline/service-module.ts";
import { type RunningServer, serve } from "../serve.ts";

const servers: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start({ echo = echoBack, payloads = false, ...options }: EchoOptions & { payloads?: boolean } = {}) {
  const recording = recordingEnvironment();
  const environment = { ...recording.environment, recorder: new Recorder(recording.environment, { payloads }) };
  const server = await serve(
    { entries: [implement(EchoService, { echo })] },
    { name: "echo", environment, config: { drainNoticeMs: 0 }, ...options },
  );
  servers.push(server);
  const transport = createConnectTransport({ baseUrl: server.url, httpVersion: "1.1", useBinaryFormat: false });
  const telemetry = createServiceClient(TelemetryService, server.url, { environment });
  // Connects before the test's calls, whose deadline of 1 s may be short on a busy machine.
  await telemetry.listTraces({}).catch(() => {});
  return {
    ...recording,
    environment,
    url: server.url,
    client: createServiceClient(EchoService, server.url, { environment, callerName: "order" }),
    telemetry,
    json: createClient(TelemetryService, transport),
  };
}

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const traced = { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-00` } };

describe("rpc.v1.TelemetryService", () => {
  it("reports client and server spans of a call, live and afterwards, in protobuf and JSON, but not its own calls", async () => {
    const { client, telemetry, json } = await start();
    const cancellation = new AbortController();
    const watched = await Promise.all(
      [telemetry, json].map(async (watcher) => {
        const calls: Call[] = [];
        let opened: (() => void) | undefined;
        const open = new Promise<void>((resolve) => {
          opened = resolve;
        });
        const ended = (async () => {
          for await (const response of watcher.watchCalls({}, { signal: cancellation.signal })) {
            opened?.();
            calls.push(...response.calls);
            if (calls.length >= 2) {
              return;
            }
          }
        })();
        await open;
        return { calls, ended };
      }),
    );
    await client.echo({ message: "hi" }, traced);
    await Promise.all(watched.map(({ ended }) => ended));
    cancellation.abort();
    const { calls } = await telemetry.getTrace({ traceId });
    expect(calls.map(({ kind }) => kind)).toEqual([SpanKind.CLIENT, SpanKind.SERVER]);
    const [own, served] = calls;
    expect(own).toMatchObject({
      from: "order",
      to: "echo-a",
      method: "Echo",
      parentSpanId: "00f067aa0ba902b7",
      attempts: 1,
    });
    expect(served).toMatchObject({
      from: "order",
      to: "echo",
      parentSpanId: own?.spanId,
      protocol: "grpc",
      sampled: false,
    });
    expect(served?.deadlineLeft).toBeDefined();
    const identities = (list: readonly Call[]) => list.map(({ kind, spanId }) => `${kind} ${spanId}`).sort();
    for (const { calls: live } of watched) {
      expect(identities(live)).toEqual(identities(calls));
    }
    const { traces } = await telemetry.listTraces({});
    expect(traces.map(({ root }) => root?.service)).toEqual(["echo.v1.EchoService"]);
  });

  it("keeps payloads only if that is enabled, and rejects requests for them otherwise", async () => {
    const without = await start();
    await without.client.echo({ message: "hi" }, traced);
    const refused = without.telemetry.getTrace({ traceId, payloads: true });
    await expect(refused).rejects.toMatchObject({ code: Code.PermissionDenied });
    const kept = await start({ payloads: true });
    await kept.client.echo(
      { message: "hi" },
      { headers: { ...traced.headers, authorization: "Bearer x", "x-plain": "y" } },
    );
    const { calls } = await kept.telemetry.getTrace({ traceId, payloads: true });
    const served = calls.find(({ kind }) => kind === SpanKind.SERVER);
    expect(served).toMatchObject({ requestJson: '{"message":"hi"}', responseJson: '{"message":"hi"}' });
    expect(served?.requestHeaders).toMatchObject({ authorization: "REDACTED", "x-plain": "y" });
    const plain = await kept.telemetry.getTrace({ traceId });
    expect(plain.calls.map(({ requestJson }) => requestJson)).toEqual(["", ""]);
  });

  it("rejects callers that access control does not permit", async () => {
    const permitted: string[] = [];
    const { telemetry } = await start({
      authorize: {
        identify: async () => undefined,
        permit: ({ method }) => {
          permitted.push(method.name);
          throw new ConnectError("no", Code.PermissionDenied);
        },
        admit: async () => {},
        checkOwner: () => undefined,
      },
    });
    await expect(telemetry.getTrace({ traceId })).rejects.toMatchObject({ code: Code.PermissionDenied });
    const watching = telemetry.watchCalls({})[Symbol.asyncIterator]().next();
    await expect(watching).rejects.toMatchObject({ code: Code.PermissionDenied });
    expect(permitted.slice(-2)).toEqual(["GetTrace", "WatchCalls"]);
  });

  it("reports each attempt of a call, and its server span", async () => {
    let calls = 0;
    const { client, telemetry } = await start({
      echo: ({ message }) => {
        calls++;
        if (calls < 3) {
          throw new ConnectError("not now", Code.Unavailable);
        }
        return { message };
      },
    });
    await client.echo({ message: "hi" }, traced);
    const { calls: spans } = await telemetry.getTrace({ traceId });
    const own = spans.find(({ kind }) => kind === SpanKind.CLIENT);
    const attempts = spans.filter(({ kind }) => kind === SpanKind.ATTEMPT);
    expect(own).toMatchObject({ attempts: 3, code: 0, marks: [CallMark.RETRY] });
    expect(attempts.map(({ attempt, code }) => [attempt, code])).toEqual([
      [1, Code.Unavailable],
      [2, Code.Unavailable],
      [3, 0],
    ]);
    expect(attempts.every(({ parentSpanId }) => parentSpanId === own?.spanId)).toBe(true);
    const parents = spans.filter(({ kind }) => kind === SpanKind.SERVER).map(({ parentSpanId }) => parentSpanId);
    expect(parents).toEqual([own?.spanId, attempts[1]?.spanId, attempts[2]?.spanId]);
  });
});

describe("a response", () => {
  it("has the trace id if the call had no traceparent or failed, and the request id if it failed", async () => {
    const { url, lines } = await start({
      echo: ({ message }) => {
        if (message === "bad") {
          throw new Error("broken");
        }
        return { message };
      },
    });
    const logged = () => lines().filter(({ msg }) => msg === "call");
    const ask = async (message: string, headers: Record<string, string> = {}) =>
      fetch(`${url}/echo.v1.EchoService/Echo`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ message }),
      });
    const first = await ask("good");
    await expect.poll(() => logged()[0]?.traceId).toBe(first.headers.get("x-trace-id"));
    expect((await ask("good", traced.headers)).headers.get("x-trace-id")).toBeNull();
    const failed = await ask("bad", traced.headers);
    expect(failed.headers.get("x-trace-id")).toBe(traceId);
    await expect.poll(logged).toHaveLength(3);
    const requestId = String(logged()[2]?.requestId);
    expect(failed.headers.get("x-request-id")).toBe(requestId);
    expect(JSON.stringify(await failed.json())).toContain(requestId);
  });
});

describe("dependencies", () => {
  it("are reported at once, and again when a breaker opens, also to a watcher whose filter no call passes", async () => {
    const { environment, client, telemetry } = await start();
    createStoreObserver(environment, "sqlite:x.db");
    reportBroker(environment.metrics, "redis");
    await client.echo({}).catch(() => {});
    const gone = createServiceClient(EchoService, "http://127.0.0.1:1", { environment });
    const cancellation = new AbortController();
    let reported: readonly ProcessDependencies[] = [];
    let calls = 0;
    const watching = (async () => {
      for await (const response of telemetry.watchCalls(
        { filter: { method: "None" } },
        { signal: cancellation.signal },
      )) {
        calls += response.calls.length;
        if (response.dependenciesChanged) {
          reported = response.dependencies;
        }
      }
    })().catch(() => {});
    const target = (name: RegExp) => reported.flatMap(({ targets }) => targets).find((one) => name.test(one.name));
    await expect.poll(() => reported, { timeout: 15_000 }).toHaveLength(1);
    expect(reported[0]).toMatchObject({ process: "echo", store: "sqlite", broker: "redis" });
    expect(target(/127\.0\.0\.1:\d{2,}/)).toMatchObject({
      processes: ["echo-a"],
      breaker: BreakerState.CLOSED,
      addresses: [{ state: AddressState.READY }],
    });
    expect(target(/:1$/)).toBeUndefined();
    for (let call = 0; call < 6; call++) {
      await gone.echo({}).catch(() => {});
    }
    await expect.poll(() => target(/:1$/)?.breaker, { timeout: 15_000 }).toBe(BreakerState.OPEN);
    // It waits to connect again, or is about to.
    expect(target(/:1$/)?.processes).toEqual(["echo-a"]);
    expect(target(/:1$/)?.addresses.map(({ state }) => state)).not.toContain(AddressState.READY);
    expect(calls).toBe(0);
    cancellation.abort();
    await watching;
  });
});

it("finds traces by the resource that their events are about", async () => {
  const { environment, telemetry } = await start();
  for (const [subject, traceId] of [
    ["order-1", "a".repeat(32)],
    ["order-2", "b".repeat(32)],
  ] as const) {
    environment.recorder?.record({
      kind: spanKinds.eventPublish,
      name: "parley.order.confirmed.v1",
      traceparent: `00-${traceId}-${"1".repeat(16)}-00`,
      startMs: 1,
      latencyMs: 1,
      attributes: { "parley.event.subject": subject },
    });
  }
  const { traces } = await telemetry.listTraces({ filter: { subject: "order-2" } });
  expect(traces.map(({ traceId }) => traceId)).toEqual(["b".repeat(32)]);
});
