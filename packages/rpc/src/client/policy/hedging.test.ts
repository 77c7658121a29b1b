import {
  create,
  createFileRegistry,
  type DescService,
  fromBinary,
  type MessageInitShape,
  setExtension,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, MethodOptions_IdempotencyLevel, MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { file_echo_v1_echo_service } from "@parley/gen/echo/v1/echo_service_pb.js";
import { HedgingPolicySchema, hedging } from "@parley/gen/rpc/v1/options_pb.js";
import { describe, expect, it } from "vitest";
import { markDeliveryStatus, neverSent } from "../call/attempt-outcome.ts";
import { type Step, scriptedTransport, standingEnvironment, unavailable } from "../client-fixture.ts";
import { createServiceClient } from "../service-client.ts";

/** A service whose one method may be hedged. */
function hedgedService(policy: MessageInitShape<typeof HedgingPolicySchema>): DescService {
  const options = create(MethodOptionsSchema, { idempotencyLevel: MethodOptions_IdempotencyLevel.IDEMPOTENT });
  setExtension(options, hedging, create(HedgingPolicySchema, policy));
  const types = { inputType: ".echo.v1.EchoRequest", outputType: ".echo.v1.EchoResponse" };
  const file = create(FileDescriptorProtoSchema, {
    name: "test/v1/hedged.proto",
    package: "test.v1",
    syntax: "proto3",
    dependency: [file_echo_v1_echo_service.proto.name],
    service: [{ name: "HedgedService", method: [{ name: "Find", ...types, options }] }],
  });
  const registry = createFileRegistry(
    fromBinary(FileDescriptorProtoSchema, toBinary(FileDescriptorProtoSchema, file)),
    () => file_echo_v1_echo_service,
  );
  return registry.getService("test.v1.HedgedService") as DescService;
}

interface CallOptions {
  readonly timeoutMs?: number;
  readonly abortAfterMs?: number;
}

/** Three attempts, 100 ms apart; UNAVAILABLE is not fatal. */
async function find(steps: readonly Step[], { timeoutMs = 5000, abortAfterMs }: CallOptions = {}) {
  const environment = standingEnvironment();
  const { transport, seen } = scriptedTransport(environment.clock, steps);
  const service = hedgedService({
    maxAttempts: 3,
    hedgingDelay: { nanos: 100_000_000 },
    nonFatalCodes: [Code.Unavailable as number],
  });
  const client = createServiceClient(service, transport, { environment, breaker: { consecutiveFailures: 1000 } });
  const controller = new AbortController();
  if (abortAfterMs !== undefined) {
    environment.clock.after(abortAfterMs, () => controller.abort());
  }
  let endedAtMs = -1;
  const call = (client as unknown as Record<string, (input: object, options: object) => Promise<unknown>>).find?.(
    {},
    { timeoutMs, signal: controller.signal },
  );
  const outcome = (call ?? Promise.reject()).then(
    () => "ok" as const,
    (error) => ConnectError.from(error),
  );
  outcome.then(() => {
    endedAtMs = environment.clock.monotonic();
  });
  await environment.clock.advance(10_000);
  return { outcome: await outcome, attemptsAtMs: seen.map(({ atMs }) => atMs), seen, endedAtMs, environment };
}

const slow = (afterMs: number, ends: "ok" | ConnectError = "ok"): Step => ({ afterMs, ends });
const internal = () => new ConnectError("no", Code.Internal);

describe("hedging by A6", () => {
  const cases: readonly (CallOptions & {
    readonly name: string;
    readonly steps: readonly Step[];
    readonly attemptsAtMs: readonly number[];
    readonly endsAtMs: number;
    readonly code?: Code;
  })[] = [
    { name: "a quick response needs one attempt", steps: [slow(50)], attemptsAtMs: [0], endsAtMs: 50 },
    { name: "a faster hedge wins", steps: [slow(900), slow(30)], attemptsAtMs: [0, 100], endsAtMs: 130 },
    { name: "the first may still win", steps: [slow(150), slow(900)], attemptsAtMs: [0, 100], endsAtMs: 150 },
    {
      name: "there are as many attempts as the contract allows",
      steps: [slow(900)],
      attemptsAtMs: [0, 100, 200],
      endsAtMs: 900,
    },
    {
      name: "one that fails with a code that is not fatal is followed at once, and the delay begins anew",
      steps: [slow(30, unavailable()), slow(900), slow(10)],
      attemptsAtMs: [0, 30, 130],
      endsAtMs: 140,
    },
    {
      name: "any other code ends the call",
      steps: [slow(150, internal()), slow(900)],
      attemptsAtMs: [0, 100],
      endsAtMs: 150,
      code: Code.Internal,
    },
    {
      name: "the last failure counts if all fail",
      steps: [unavailable()],
      attemptsAtMs: [0, 0, 0],
      endsAtMs: 0,
      code: Code.Unavailable,
    },
    {
      name: "pushback sets the wait for the next one",
      steps: [unavailable({ "grpc-retry-pushback-ms": "70" }), "ok"],
      attemptsAtMs: [0, 70],
      endsAtMs: 70,
    },
    {
      name: "negative pushback ends hedging, while those in flight may still be answered",
      steps: [slow(300), slow(10, unavailable({ "grpc-retry-pushback-ms": "-1" }))],
      attemptsAtMs: [0, 100],
      endsAtMs: 300,
    },
    {
      name: "one deadline covers all attempts",
      steps: ["never"],
      timeoutMs: 250,
      attemptsAtMs: [0, 100, 200],
      endsAtMs: 250,
      code: Code.DeadlineExceeded,
    },
    {
      name: "a caller that cancels ends all attempts",
      steps: ["never"],
      abortAfterMs: 150,
      attemptsAtMs: [0, 100],
      endsAtMs: 150,
      code: Code.Canceled,
    },
  ];
  it.each(cases)("$name", async ({ steps, attemptsAtMs, endsAtMs, code, ...options }) => {
    const found = await find(steps, options);
    expect(found.attemptsAtMs).toEqual(attemptsAtMs);
    expect(found.endedAtMs).toBe(endsAtMs);
    expect(found.outcome === "ok" ? undefined : found.outcome.code).toBe(code);
  });

  it("sends the number of earlier attempts and the remaining time", async () => {
    const { seen } = await find([slow(900)], { timeoutMs: 1000 });
    expect(seen.map(({ header }) => header.get("grpc-previous-rpc-attempts"))).toEqual([null, "1", "2"]);
    expect(seen.map(({ timeoutMs }) => timeoutMs)).toEqual([1000, 900, 800]);
  });

  it("does not report a call as unsent if another attempt may have arrived", async () => {
    const never = () => markDeliveryStatus(unavailable(), "unreachable");
    const one = await find([slow(10, unavailable()), never(), never()]);
    expect(neverSent(one.outcome)).toBe(false);
    const none = await find([never(), never(), never()]);
    expect(neverSent(none.outcome)).toBe(true);
  });

  it("counts hedges, and has none while half of the retry tokens are used up", async () => {
    const { environment } = await find([slow(900)]);
    expect(await environment.metrics.metrics()).toMatch(/grpc_client_call_hedges_total\{.*Find.*\} 2/);
    const service = hedgedService({ maxAttempts: 5, nonFatalCodes: [Code.Unavailable as number] });
    const standing = standingEnvironment();
    const { transport, seen } = scriptedTransport(standing.clock, [unavailable()]);
    const options = { environment: standing, breaker: { consecutiveFailures: 1000 } };
    const client = createServiceClient(service, transport, options) as unknown as Record<
      string,
      (input: object) => Promise<unknown>
    >;
    for (let calls = 0; calls < 10; calls++) {
      const call = client.find?.({}).catch(() => {});
      await standing.clock.advance(10);
      await call;
    }
    // Five tokens are left after as many failures; then each call has one attempt.
    expect(seen.length).toBeLessThan(20);
    expect(await standing.metrics.metrics()).toMatch(/parley_client_retries_throttled_total\{.*Find.*\} \d/);
  });
});
