import { Code } from "@connectrpc/connect";
import { CallEchoService, EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { type Environment, systemEnvironment } from "@parley/rpc";
import { createServiceClient } from "@parley/rpc/client";
import { implement, implementPartly, type ServiceModule } from "@parley/rpc/server";
import { connectInMemory } from "@parley/rpc/testing";
import { expect, test } from "vitest";
import { createCallEchoModule, createEchoModule } from "./index.ts";

const environment: Environment = systemEnvironment({ name: "test", logLevel: "silent" });

function callEchoOver(echoModule: ServiceModule) {
  const echo = createServiceClient(EchoService, connectInMemory(echoModule, environment), { environment });
  const module = createCallEchoModule({ environment, echo });
  return createServiceClient(CallEchoService, connectInMemory(module, environment), { environment });
}

test.each(["", "hello", "grüße 👋", "x".repeat(4096)])("both services return the message", async (message) => {
  const answer = await callEchoOver(createEchoModule({ environment })).callEcho({ message });
  expect(answer.serviceB).toBe("ok");
  expect(answer.serviceA?.outcome).toEqual({ case: "echo", value: message });
});

test("service B refuses a message that is too long", async () => {
  const call = callEchoOver(createEchoModule({ environment })).callEcho({ message: "x".repeat(4097) });
  await expect(call).rejects.toMatchObject({ code: Code.InvalidArgument });
});

test("a slow echo service is reported in the response within the caller's deadline, not as an error", async () => {
  const slow: ServiceModule = {
    entries: [implement(EchoService, { echo: (_request, context) => aborted(context.signal) })],
  };
  const answer = await callEchoOver(slow).callEcho({ message: "hello" }, { timeoutMs: 500 });
  expect(answer.serviceB).toBe("ok");
  expect(answer.serviceA?.outcome).toMatchObject({ case: "error", value: { code: "deadline_exceeded" } });
});

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

test("an error of the echo service is returned with its code", async () => {
  const empty: ServiceModule = { entries: [implementPartly(EchoService, {})] };
  const answer = await callEchoOver(empty).callEcho({ message: "hello" });
  expect(answer.serviceA?.outcome).toMatchObject({ case: "error", value: { code: "unimplemented" } });
});
