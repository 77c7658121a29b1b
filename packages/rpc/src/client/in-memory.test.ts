import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { describe, expect, it } from "vitest";
import { reasonOf } from "../call/reason-error.ts";
import { sleep } from "../environment/clock.ts";
import { implement } from "../server/pipeline/service-module.ts";
import { connectInMemory } from "../testing/in-memory.ts";
import { rejection, standingEnvironment } from "./client-fixture.ts";
import { createServiceClient } from "./service-client.ts";

function inMemory(echo: ServiceImpl<typeof EchoService>["echo"], random?: () => number) {
  const environment = standingEnvironment(random);
  const transport = connectInMemory({ entries: [implement(EchoService, { echo })] }, environment);
  return { environment, client: createServiceClient(EchoService, transport, { environment }) };
}

describe("a client in memory, under a manual clock", () => {
  it("calls, with no socket and no time passing", async () => {
    const { client } = inMemory(({ message }) => ({ message: `${message}!` }));
    expect((await client.echo({ message: "hello" })).message).toBe("hello!");
  });

  it("has a deadline, which the server receives", async () => {
    let leftMs: number | undefined;
    const { client, environment } = inMemory((_request, context) => {
      leftMs = context.timeoutMs();
      return new Promise(() => {});
    });
    const failed = rejection(client.echo({}, { timeoutMs: 300 }));
    await environment.clock.advance(299);
    expect(leftMs).toBe(300);
    await environment.clock.advance(1);
    expect((await failed).code).toBe(Code.DeadlineExceeded);
  });

  it("retries by the contract, with the same waits in every run from the same seed", async () => {
    const run = async () => {
      let seed = 7;
      const random = () => {
        seed = (seed * 16_807) % 2_147_483_647;
        return seed / 2_147_483_647;
      };
      const attemptsAtMs: number[] = [];
      const { client, environment } = inMemory(async () => {
        attemptsAtMs.push(environment.clock.monotonic());
        await sleep(environment.clock, 3);
        throw new ConnectError("down", Code.Unavailable);
      }, random);
      const failed = rejection(client.echo({}));
      await environment.clock.advance(1000);
      return { attemptsAtMs, reason: reasonOf(await failed)?.reason };
    };
    const first = await run();
    expect(first.attemptsAtMs.length).toBe(3);
    expect(first.reason).toBe("DEPENDENCY_UNAVAILABLE");
    expect(await run()).toEqual(first);
  });

  it("leaves no timer of its own behind when a call has ended", async () => {
    const { client, environment } = inMemory(({ message }) => ({ message }));
    const before = environment.clock.pendingCount;
    for (let calls = 0; calls < 10; calls++) {
      await client.echo({});
    }
    // The server keeps one for all of its calls, until it fires with none of them left.
    expect(environment.clock.pendingCount).toBeLessThanOrEqual(before + 1);
    await environment.clock.advance(60_000);
    expect(environment.clock.pendingCount).toBe(before);
  });
});
