import { Code, type ConnectError, createClient } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { describe, expect, it } from "vitest";
import { within } from "../call/call-context.ts";
import { sleep } from "../environment/clock.ts";
import { recordingEnvironment } from "../server/echo-fixture.ts";
import { implement, type ServiceEntry } from "../server/pipeline/service-module.ts";
import { connectInMemory } from "./in-memory.ts";
import { createTestClock } from "./test-clock.ts";

function open(echo: Parameters<typeof implement<typeof EchoService>>[1]["echo"]) {
  const clock = createTestClock();
  const { environment, lines } = recordingEnvironment();
  const entries: ServiceEntry[] = [implement(EchoService, { echo: echo ?? (() => ({})) })];
  const transport = connectInMemory({ entries }, { ...environment, clock });
  return { clock, client: createClient(EchoService, transport), lines, environment };
}

describe("a module in the same process", () => {
  it("applies deadlines with the given clock", async () => {
    const { clock, client } = open(() => new Promise(() => {}));
    const call = client.echo({}).catch((error: ConnectError) => error);
    await clock.advance(999);
    let settled = false;
    call.then(() => {
      settled = true;
    });
    await Promise.resolve();
    expect(settled).toBe(false);
    await clock.advance(1);
    expect(((await call) as ConnectError).code).toBe(Code.DeadlineExceeded);
  });

  it("returns copies of messages to its callers", async () => {
    const kept = { message: "server's" };
    const { client } = open(() => kept);
    const answer = await client.echo({});
    answer.message = "caller's";
    expect(kept.message).toBe("server's");
  });

  it("exposes neither the cause nor the stack of an error", async () => {
    const { client, lines } = open(() => {
      throw new Error("SELECT secret");
    });
    const error = (await client.echo({}).catch((caught: ConnectError) => caught)) as ConnectError;
    expect(error).toMatchObject({
      code: Code.Internal,
      rawMessage: expect.stringMatching(/^Internal error\./),
      cause: undefined,
    });
    expect(error.stack).not.toContain("SELECT");
    expect(JSON.stringify(lines())).toContain("SELECT secret");
  });

  it("validates, logs and counts as a server with a port does", async () => {
    const { client, lines, environment } = open(({ message }) => ({ message }));
    await client.echo({ message: "x".repeat(4097) }).catch(() => {});
    expect(lines()).toMatchObject([{ msg: "call", code: "INVALID_ARGUMENT" }]);
    expect(await environment.metrics.metrics()).toContain('grpc_status="INVALID_ARGUMENT"');
  });

  it("propagates the remaining deadline to outgoing calls", async () => {
    const inner = open(() => new Promise(() => {}));
    let asked: number | undefined;
    const outer = open(async (_request, context) => {
      await sleep(outer.clock, 400);
      asked = within(context).timeoutMs;
      await inner.client.echo({}, { timeoutMs: 1 }).catch(() => {});
      return {};
    });
    const call = outer.client.echo({}).catch(() => {});
    await outer.clock.advance(400);
    expect(asked).toBe(600);
    await inner.clock.advance(1_000);
    await outer.clock.advance(600);
    await call;
  });
});
