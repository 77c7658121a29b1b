import { Code } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { createServiceClient } from "../../client/index.ts";
import { systemEnvironment } from "../../environment/system-environment.ts";
import { implement } from "../pipeline/service-module.ts";
import { serve } from "../serve.ts";
import { type InjectedFault, injectedFaultsKey } from "./injected-faults.ts";

const environment = { ...systemEnvironment({ name: "test", logLevel: "silent" }), random: () => 0.5 };
const place = globalThis as { [injectedFaultsKey]?: readonly InjectedFault[] | undefined };

const module = { entries: [implement(EchoService, { echo: ({ message }) => ({ message }) })] };
const server = await serve(module, { name: "echo", environment });
const echo = createServiceClient(EchoService, server.url, { environment, callerName: "test" });

const unavailable: InjectedFault = {
  method: "",
  percent: 100,
  latencyMs: 0,
  code: Code.Internal,
  expireMs: Date.now() + 60_000,
};

async function codeOf(faults: readonly InjectedFault[]): Promise<Code | undefined> {
  place[injectedFaultsKey] = faults;
  return echo.echo({ message: "hello" }, { timeoutMs: 900 }).then(
    () => undefined,
    ({ code }: { code: Code }) => code,
  );
}

afterAll(() => server.close());
afterEach(() => {
  delete place[injectedFaultsKey];
});

describe("an injected fault", () => {
  it.each([
    ["all methods", unavailable, Code.Internal],
    ["a method by its short name", { ...unavailable, method: "Echo" }, Code.Internal],
    ["a method by its full name", { ...unavailable, method: "echo.v1.EchoService/Echo" }, Code.Internal],
    ["another method", { ...unavailable, method: "CallEcho" }, undefined],
    ["more than half of the calls", { ...unavailable, percent: 51 }, Code.Internal],
    ["less than half of the calls", { ...unavailable, percent: 50 }, undefined],
    ["no calls once it has expired", { ...unavailable, expireMs: Date.now() - 1 }, undefined],
  ])("affects %s", async (_name, fault, code) => {
    expect(await codeOf([fault])).toBe(code);
  });

  it("delays a call until its deadline at most", async () => {
    expect(await codeOf([{ ...unavailable, code: 0, latencyMs: 60_000 }])).toBe(Code.DeadlineExceeded);
  });

  it("delays a call, which then succeeds", async () => {
    const beganAt = performance.now();
    expect(await codeOf([{ ...unavailable, code: 0, latencyMs: 50 }])).toBeUndefined();
    expect(performance.now() - beganAt).toBeGreaterThanOrEqual(49);
  });
});
