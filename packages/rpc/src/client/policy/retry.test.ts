import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callContextKey } from "../../call/call-context.ts";
import { reasonOf } from "../../call/reason-error.ts";
import { markDeliveryStatus, neverSent } from "../call/attempt-outcome.ts";
import { rejection, type Step, scriptedTransport, standingEnvironment, unavailable } from "../client-fixture.ts";
import { createServiceClient } from "../service-client.ts";
import { retryWaitMs } from "./retry-decision.ts";
import { waitForReady } from "./wait-for-ready.ts";

const policyOf = { initialBackoffMs: 20, maxBackoffMs: 200, backoffMultiplier: 2 };

/** Echo: 3 attempts, 20 ms doubled up to 200 ms, UNAVAILABLE, within 1 s. Random 0.5 is a jitter of exactly 1. */
async function callEcho(
  steps: readonly Step[],
  { timeoutMs, random }: { timeoutMs?: number; random?: () => number } = {},
) {
  const environment = standingEnvironment(random);
  const { transport, seen } = scriptedTransport(environment.clock, steps);
  const client = createServiceClient(EchoService, transport, { environment, breaker: { consecutiveFailures: 1000 } });
  const outcome = client.echo({ message: "x" }, timeoutMs === undefined ? {} : { timeoutMs }).then(
    () => "ok" as const,
    (error) => ConnectError.from(error),
  );
  await environment.clock.advance(5000);
  return { outcome: await outcome, seen, environment };
}

describe("retries by A6", () => {
  const pushback = (value: string) => unavailable({ "grpc-retry-pushback-ms": value });
  const unsent = () => markDeliveryStatus(unavailable(), "unsent");
  const refused = () => markDeliveryStatus(unavailable(), "refused");
  const cases: readonly {
    readonly name: string;
    readonly steps: readonly Step[];
    readonly timeoutMs?: number;
    readonly random?: number;
    readonly attemptsAtMs: readonly number[];
    readonly code?: Code;
  }[] = [
    { name: "a success is final", steps: ["ok"], attemptsAtMs: [0] },
    { name: "one failure is retried after the first wait", steps: [unavailable(), "ok"], attemptsAtMs: [0, 20] },
    { name: "waits grow by the multiplier", steps: [unavailable(), unavailable(), "ok"], attemptsAtMs: [0, 20, 60] },
    {
      name: "attempts end at the contract's number",
      steps: [unavailable()],
      attemptsAtMs: [0, 20, 60],
      code: Code.Unavailable,
    },
    { name: "the least jitter is 0.8", steps: [unavailable(), "ok"], random: 0, attemptsAtMs: [0, 16] },
    { name: "the most jitter is 1.2", steps: [unavailable(), "ok"], random: 0.999_999_999, attemptsAtMs: [0, 24] },
    {
      name: "a code that the contract does not name ends the call",
      steps: [new ConnectError("no", Code.Internal)],
      attemptsAtMs: [0],
      code: Code.Internal,
    },
    {
      name: "no attempt is made whose wait would outlive the deadline",
      steps: [unavailable()],
      timeoutMs: 50,
      attemptsAtMs: [0, 20],
      code: Code.Unavailable,
    },
    {
      name: "pushback sets the wait, without jitter",
      steps: [pushback("333"), "ok"],
      random: 0,
      attemptsAtMs: [0, 333],
    },
    { name: "pushback of zero is at once", steps: [pushback("0"), "ok"], attemptsAtMs: [0, 0] },
    { name: "negative pushback ends the call", steps: [pushback("-1")], attemptsAtMs: [0], code: Code.Unavailable },
    { name: "unreadable pushback ends the call", steps: [pushback("soon")], attemptsAtMs: [0], code: Code.Unavailable },
    {
      name: "pushback beyond the deadline ends the call",
      steps: [pushback("1000")],
      attemptsAtMs: [0],
      code: Code.Unavailable,
    },
    {
      name: "a call that was never sent is retried at once, uncounted",
      steps: [unsent(), unsent(), unavailable(), unavailable(), "ok"],
      attemptsAtMs: [0, 0, 5, 25, 65],
    },
    { name: "a refused call is retried once at once, uncounted", steps: [refused(), "ok"], attemptsAtMs: [0, 0] },
    {
      name: "a second refusal counts",
      steps: [refused(), refused(), refused(), refused()],
      attemptsAtMs: [0, 0, 20, 60],
      code: Code.Unavailable,
    },
    {
      name: "an attempt that hangs ends at the deadline of the call",
      steps: [{ afterMs: 300, ends: unavailable() }, "never"],
      attemptsAtMs: [0, 320],
      code: Code.DeadlineExceeded,
    },
  ];

  for (const { name, steps, timeoutMs, random = 0.5, attemptsAtMs, code } of cases) {
    it(name, async () => {
      const options = { ...(timeoutMs === undefined ? {} : { timeoutMs }), random: () => random };
      const { outcome, seen } = await callEcho(steps, options);
      expect(seen.map(({ atMs }) => Math.round(atMs))).toEqual(attemptsAtMs);
      expect(outcome === "ok" ? undefined : outcome.code).toBe(code);
      for (const { atMs, timeoutMs: sentMs } of seen) {
        expect(atMs + (sentMs ?? Number.NaN)).toBeCloseTo(timeoutMs ?? 1000, 6);
      }
    });
  }

  it("resets the backoff after pushback", async () => {
    const environment = standingEnvironment();
    const { transport, seen } = scriptedTransport(environment.clock, [
      unavailable(),
      pushback("100"),
      unavailable(),
      "ok",
    ]);
    const call = createServiceClient(OrderService, transport, { environment }).getOrder({});
    await environment.clock.advance(500);
    await call;
    expect(seen.map(({ atMs }) => atMs)).toEqual([0, 20, 120, 140]);
  });

  it("sends the number of earlier attempts, and none with the first", async () => {
    const { seen } = await callEcho([unsent(), unavailable(), unavailable(), "ok"]);
    expect(seen.map(({ header }) => header.get("grpc-previous-rpc-attempts"))).toEqual([null, null, "1", "2"]);
  });

  it("waits between zero and the contract's longest backoff with jitter", () => {
    const rule = { attemptsMax: 5, ...policyOf, codes: new Set([Code.Unavailable]) };
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        (step, random) => {
          const waitMs = retryWaitMs(rule, step, () => random);
          const base = Math.min(20 * 2 ** (step - 1), 200);
          return waitMs >= base * 0.8 - 1e-9 && waitMs <= base * 1.2 + 1e-9;
        },
      ),
    );
  });

  it("ends by the deadline, whatever the target does", async () => {
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.constantFrom<Step>("never", unavailable(), unsent(), refused(), pushback("7"), pushback("x")),
      fc.integer({ min: 0, max: 400 }).map((afterMs): Step => ({ afterMs, ends: unavailable() })),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 900 }),
        async (steps, timeoutMs) => {
          const environment = standingEnvironment();
          const { transport, seen } = scriptedTransport(environment.clock, steps);
          const client = createServiceClient(EchoService, transport, { environment });
          let endedAtMs = Number.POSITIVE_INFINITY;
          client.echo({}, { timeoutMs }).catch(() => {
            endedAtMs = environment.clock.monotonic();
          });
          await environment.clock.advance(2000);
          expect(endedAtMs).toBeLessThanOrEqual(timeoutMs);
          expect(seen.every(({ atMs, timeoutMs: sentMs = 0 }) => atMs + sentMs <= timeoutMs + 1e-6)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("retryable calls", () => {
  async function createOrder(requestId: string, error: ConnectError) {
    const environment = standingEnvironment();
    const { transport, seen } = scriptedTransport(environment.clock, [error]);
    const client = createServiceClient(OrderService, transport, { environment });
    const failed = rejection(client.createOrder({ requestId }));
    await environment.clock.advance(10_000);
    await failed;
    return seen.length;
  }

  it("a write with a request id", async () => {
    expect(await createOrder("0198f2c5-0000-7000-8000-000000000000", unavailable())).toBe(3);
  });
  it("not a write without a request id", async () => {
    expect(await createOrder("", unavailable())).toBe(1);
  });
  it("even that one, if it was never sent", async () => {
    expect(await createOrder("", markDeliveryStatus(unavailable(), "unreachable"))).toBe(3);
  });
});

describe("retry throttling", () => {
  it("stops retries when half of the tokens are used, and resumes after successes", async () => {
    const environment = standingEnvironment();
    let down = true;
    const { transport, seen } = scriptedTransport(environment.clock, ["never"]);
    const switched = {
      ...transport,
      unary: ((...args: Parameters<typeof transport.unary>) => {
        const answer = transport.unary(...args);
        void answer;
        return down
          ? Promise.reject(unavailable())
          : Promise.resolve({ message: {}, header: new Headers(), trailer: new Headers() });
      }) as typeof transport.unary,
    };
    const client = createServiceClient(EchoService, switched, {
      environment,
      breaker: { consecutiveFailures: 1000, callsMin: 1000 },
    });
    const attempts: number[] = [];
    const call = async () => {
      const before = seen.length;
      const ended = client.echo({}).catch(() => {});
      await environment.clock.advance(1000);
      await ended;
      attempts.push(seen.length - before);
    };
    await call(); // 10 tokens: 3 attempts fail, 7 are left
    await call(); // 6 left after the first failure, 5 after the second: no third attempt
    await call(); // 4: no retry
    expect(attempts).toEqual([3, 2, 1]);
    down = false;
    for (let successes = 0; successes < 25; successes++) {
      await call();
    }
    down = true;
    attempts.length = 0;
    await call(); // 6.5 tokens, 5.5 after the failure: one retry
    expect(attempts).toEqual([2]);
    const text = await environment.metrics.metrics();
    expect(text).toMatch(/parley_client_retries_throttled_total\{[^}]*\} 3/);
    expect(text).toMatch(/grpc_client_call_retries_total\{[^}]*\} 4/);
  });
});

describe("a call that waits for its target", () => {
  it("continues until the target is up", async () => {
    const environment = standingEnvironment();
    const down = () => markDeliveryStatus(unavailable(), "unreachable");
    const { transport, seen } = scriptedTransport(environment.clock, [down(), down(), down(), down(), "ok"]);
    const client = createServiceClient(EchoService, transport, { environment, breaker: { consecutiveFailures: 1000 } });
    const call = client.echo({}, waitForReady());
    await environment.clock.advance(1000);
    await expect(call).resolves.toBeDefined();
    expect(seen.length).toBe(5);
  });

  it("ends with DEADLINE_EXCEEDED, unsent, if the target stays down", async () => {
    const environment = standingEnvironment();
    const { transport } = scriptedTransport(environment.clock, [markDeliveryStatus(unavailable(), "unreachable")]);
    const client = createServiceClient(EchoService, transport, { environment, breaker: { consecutiveFailures: 1000 } });
    const failed = rejection(client.echo({}, waitForReady({ timeoutMs: 700 })));
    await environment.clock.advance(699);
    await environment.clock.advance(1);
    const error = await failed;
    expect(error.code).toBe(Code.DeadlineExceeded);
    expect(neverSent(error)).toBe(true);
  });
});

describe("a caller's error", () => {
  it("UNAVAILABLE names the dependency", async () => {
    const environment = standingEnvironment();
    const { transport } = scriptedTransport(environment.clock, [unavailable()]);
    const client = createServiceClient(EchoService, transport, { environment, targetName: "http://echo:1" });
    const failed = rejection(client.echo({}));
    await environment.clock.advance(1000);
    const error = await failed;
    expect(error.rawMessage).toContain("echo.v1.EchoService at http://echo:1");
    expect(reasonOf(error)).toEqual({
      reason: "DEPENDENCY_UNAVAILABLE",
      metadata: { service: "echo.v1.EchoService", target: "http://echo:1" },
    });
  });

  it("a call is not reported as unsent if an earlier attempt may have arrived", async () => {
    const environment = standingEnvironment();
    const steps = [unavailable(), markDeliveryStatus(unavailable(), "unreachable")];
    const { transport } = scriptedTransport(environment.clock, steps);
    const failed = rejection(createServiceClient(EchoService, transport, { environment }).echo({}));
    await environment.clock.advance(1000);
    expect(neverSent(await failed)).toBe(false);
  });

  it("a cancellation during a wait takes effect at once", async () => {
    const environment = standingEnvironment();
    const { transport, seen } = scriptedTransport(environment.clock, [unavailable()]);
    const controller = new AbortController();
    const client = createServiceClient(EchoService, transport, { environment });
    const failed = rejection(client.echo({}, { signal: controller.signal }));
    await environment.clock.advance(5);
    controller.abort();
    expect((await failed).code).toBe(Code.Canceled);
    await environment.clock.advance(1000);
    expect(seen.length).toBe(1);
  });

  it("a call with no time left fails at once and sends nothing", async () => {
    const environment = standingEnvironment();
    const { transport, seen } = scriptedTransport(environment.clock, ["ok"]);
    const client = createServiceClient(EchoService, transport, { environment });
    for (const timeoutMs of [0, -5]) {
      const error = await rejection(client.echo({}, { timeoutMs }));
      expect([error.code, neverSent(error)]).toEqual([Code.DeadlineExceeded, true]);
    }
    expect(seen.length).toBe(0);
  });
});

describe("a call passes on", () => {
  const context = {
    requestId: "r-1",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    tracestate: "vendor=1",
    caller: { kind: "user" as const, id: "1", token: "secret" },
  };

  async function headerOf(headers?: Record<string, string>) {
    const environment = standingEnvironment();
    const { transport, seen } = scriptedTransport(environment.clock, ["ok"]);
    const contextValues = createContextValues().set(callContextKey, context);
    const options = { contextValues, ...(headers === undefined ? {} : { headers }) };
    await createServiceClient(EchoService, transport, { environment }).echo({}, options);
    return seen[0]?.header ?? new Headers();
  }

  it("its request id, trace state and caller, and its trace with a span of its own", async () => {
    const header = await headerOf();
    expect(header.get("x-request-id")).toBe("r-1");
    expect(header.get("tracestate")).toBe("vendor=1");
    expect(header.get("authorization")).toBe("Bearer secret");
    expect(header.get("traceparent")).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
    expect(header.get("traceparent")).not.toBe(context.traceparent);
  });

  it("the caller's own metadata, which takes precedence", async () => {
    const header = await headerOf({ "X-Request-Id": "mine", Authorization: "Bearer mine" });
    expect([header.get("x-request-id"), header.get("authorization")]).toEqual(["mine", "Bearer mine"]);
  });
});
