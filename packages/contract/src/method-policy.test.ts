import { create, createFileRegistry, type DescMethod, type MessageInitShape, setExtension } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_empty,
  MethodOptions_IdempotencyLevel,
  MethodOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { Caller, HedgingPolicySchema, hedging, RetryPolicySchema, retry } from "@parley/gen/rpc/v1/options_pb.js";
import { describe, expect, it } from "vitest";
import { methodPolicy } from "./method-policy.ts";

describe("methodPolicy", () => {
  it("reads timeout, retry and access from the contract", () => {
    expect(methodPolicy(EchoService.method.echo)).toEqual({
      timeoutMs: 1000,
      retry: {
        attemptsMax: 3,
        initialBackoffMs: 20,
        maxBackoffMs: 200,
        backoffMultiplier: 2,
        codes: new Set([Code.Unavailable]),
      },
      access: { caller: Caller.PUBLIC, ownerField: "", ownerOf: "", services: [], guests: false },
      repeatable: "always",
    });
  });

  it("leaves out missing options", () => {
    const policy = methodPolicy(OrderService.method.watchOrders);
    expect(policy).not.toHaveProperty("timeoutMs");
    expect(policy).not.toHaveProperty("retry");
    expect(policy.repeatable).toBe("never");
  });

  it("treats a method with a request_id field as repeatable with one", () => {
    expect(methodPolicy(OrderService.method.createOrder).repeatable).toBe("with-request-id");
  });

  it("reads the owner's field", () => {
    expect(methodPolicy(OrderService.method.getOrder).access).toEqual({
      caller: Caller.OWNER,
      ownerField: "order_id",
      ownerOf: "order",
      services: [],
      guests: false,
    });
  });

  it("reads hedging of a method that may be repeated", () => {
    const hedged = { maxAttempts: 9, hedgingDelay: { nanos: 50_000_000 }, nonFatalCodes: [Code.Unavailable as number] };
    expect(methodPolicy(hedgedMethod({ hedging: hedged })).hedging).toEqual({
      attemptsMax: 5,
      delayMs: 50,
      nonFatalCodes: new Set([Code.Unavailable]),
    });
  });

  it.each([
    ["that may not be repeated", { idempotencyLevel: 0 }, "set idempotency_level to NO_SIDE_EFFECTS or IDEMPOTENT"],
    ["that has retries too", { retries: true }, "set only one of (rpc.v1.retry) and (rpc.v1.hedging)"],
    ["that is a stream", { serverStreaming: true }, "is for unary methods"],
    ["with one attempt", { hedging: { maxAttempts: 1 } }, "needs max_attempts of 2 to 5"],
  ])("refuses hedging of a method %s, and says what to do", (_which, options, problem) => {
    const method = hedgedMethod(options);
    expect(() => methodPolicy(method)).toThrow(problem);
    expect(() => methodPolicy(method)).toThrow("test.v1.HedgedService/Find: ");
  });

  it("reads a descriptor once", () => {
    expect(methodPolicy(EchoService.method.echo)).toBe(methodPolicy(EchoService.method.echo));
  });
});

interface HedgedOptions {
  readonly hedging?: MessageInitShape<typeof HedgingPolicySchema>;
  readonly idempotencyLevel?: MethodOptions_IdempotencyLevel;
  readonly retries?: boolean;
  readonly serverStreaming?: boolean;
}

function hedgedMethod({
  hedging: policy = { maxAttempts: 2 },
  idempotencyLevel = MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
  retries = false,
  serverStreaming = false,
}: HedgedOptions = {}): DescMethod {
  const options = create(MethodOptionsSchema, { idempotencyLevel });
  setExtension(options, hedging, create(HedgingPolicySchema, policy));
  if (retries) {
    setExtension(options, retry, create(RetryPolicySchema, { maxAttempts: 2 }));
  }
  const types = { inputType: ".google.protobuf.Empty", outputType: ".google.protobuf.Empty" };
  const file = create(FileDescriptorProtoSchema, {
    name: "test/v1/hedged.proto",
    package: "test.v1",
    syntax: "proto3",
    dependency: ["google/protobuf/empty.proto"],
    service: [{ name: "HedgedService", method: [{ name: "Find", ...types, options, serverStreaming }] }],
  });
  const registry = createFileRegistry(file, () => file_google_protobuf_empty);
  return registry.getService("test.v1.HedgedService")?.methods[0] as DescMethod;
}
