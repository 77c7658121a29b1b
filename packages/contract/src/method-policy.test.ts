import { create, createFileRegistry, type DescMethod, setExtension } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, file_google_protobuf_empty, MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { Caller, HedgingPolicySchema, hedging } from "@parley/gen/rpc/v1/options_pb.js";
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
      access: { caller: Caller.PUBLIC, ownerField: "", ownerOf: "", services: [] },
      repeatable: "always",
    });
  });

  it("leaves out what the contract does not say", () => {
    const policy = methodPolicy(OrderService.method.watchOrders);
    expect(policy).not.toHaveProperty("timeoutMs");
    expect(policy).not.toHaveProperty("retry");
    expect(policy.repeatable).toBe("never");
  });

  it("knows that a method with a request id is repeatable with one", () => {
    expect(methodPolicy(OrderService.method.createOrder).repeatable).toBe("with-request-id");
  });

  it("says where the owner is named", () => {
    expect(methodPolicy(OrderService.method.getOrder).access).toEqual({
      caller: Caller.OWNER,
      ownerField: "order_id",
      ownerOf: "order",
      services: [],
    });
  });

  it("refuses hedging, which is not done yet, and says what to use", () => {
    const method = hedgedMethod();
    expect(() => methodPolicy(method)).toThrow(
      "test.v1.HedgedService/Find: the option (rpc.v1.hedging) is not supported yet; use (rpc.v1.retry), or remove it",
    );
  });

  it("reads a descriptor once", () => {
    expect(methodPolicy(EchoService.method.echo)).toBe(methodPolicy(EchoService.method.echo));
  });
});

function hedgedMethod(): DescMethod {
  const options = create(MethodOptionsSchema);
  setExtension(options, hedging, create(HedgingPolicySchema, { maxAttempts: 2 }));
  const file = create(FileDescriptorProtoSchema, {
    name: "test/v1/hedged.proto",
    package: "test.v1",
    syntax: "proto3",
    dependency: ["google/protobuf/empty.proto"],
    service: [
      {
        name: "HedgedService",
        method: [{ name: "Find", inputType: ".google.protobuf.Empty", outputType: ".google.protobuf.Empty", options }],
      },
    ],
  });
  const registry = createFileRegistry(file, () => file_google_protobuf_empty);
  return registry.getService("test.v1.HedgedService")?.methods[0] as DescMethod;
}
