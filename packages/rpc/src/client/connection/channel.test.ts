import { Code, createClient } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../environment/clock.ts";
import { implementPartly } from "../../server/pipeline/service-module.ts";
import { serve } from "../../server/serve.ts";
import { neverSent } from "../call/attempt-outcome.ts";
import { rejection, testEnvironment } from "../client-fixture.ts";
import { createServiceClient } from "../service-client.ts";
import { answerOk, rawHttp2, rawTcp } from "../wire/wire-fixture.ts";
import { createWireTransport } from "../wire/wire-transport.ts";
import type { ChannelOptions } from "./channel.ts";
import { ConnectionPool } from "./connection-pool.ts";
import { connectBackoffMs } from "./connector.ts";
import { parseTarget } from "./resolution/target.ts";

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) {
    await close();
  }
});

function client(target: string, options: ChannelOptions = {}) {
  const environment = testEnvironment();
  const pool = new ConnectionPool(environment);
  closing.push(() => pool.close());
  return createClient(EchoService, createWireTransport(pool.channel(target, options), environment.clock));
}

async function okServer(options: { readonly port?: number; readonly maxConcurrentStreams?: number } = {}) {
  const server = await rawHttp2((stream) => answerOk(stream), options);
  closing.push(() => server.close());
  return server;
}

describe("a target", () => {
  it("that is down fails at once; once it is up, calls work without a restart", async () => {
    const gone = await okServer();
    await gone.close();
    const environment = testEnvironment();
    const pool = new ConnectionPool(environment);
    closing.push(() => pool.close());
    const echo = createServiceClient(EchoService, gone.url, { environment, pool });
    for (let calls = 0; calls < 6; calls++) {
      const error = await rejection(echo.echo({}));
      expect([error.code, neverSent(error)]).toEqual([Code.Unavailable, true]);
      expect(error.rawMessage).toContain(gone.url);
    }
    await okServer({ port: gone.port });
    const startMs = performance.now();
    for (;;) {
      try {
        await echo.echo({});
        break;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    expect(performance.now() - startMs).toBeLessThan(4000);
  });

  it("of several URLs is the first that answers", async () => {
    const down = await okServer();
    await down.close();
    const up = await okServer();
    await client(`${down.url},${up.url}`).echo({}, { timeoutMs: 5000 });
    expect(up.sessionCount()).toBe(1);
  });

  it("of several URLs is the next one if the first answers every connection with GOAWAY", async () => {
    // A server that drains: empty SETTINGS, and GOAWAY of no error at stream 0 (RFC 9113, sections 6.5 and 6.8).
    const farewell = Buffer.from(["000000040000000000", "000008070000000000", "0000000000000000"].join(""), "hex");
    const draining = await rawTcp((socket) => socket.write(farewell));
    closing.push(() => draining.close());
    const up = await okServer();
    await client(`${draining.url},${up.url}`).echo({}, { timeoutMs: 5000 });
    expect(up.sessionCount()).toBe(1);
  });

  it("of several URLs is the next one if the first is silent, long before its timeout", async () => {
    const silent = await rawTcp(() => {});
    closing.push(() => silent.close());
    const up = await okServer();
    const targets = [
      client(`${silent.url},${up.url}`, { connectTimeoutMs: 600_000 }),
      client(`${silent.url},${silent.url},${up.url}`, { connectTimeoutMs: 600_000 }),
    ];
    for (const echo of targets) {
      await echo.echo({}, { timeoutMs: 20_000 });
    }
    expect(up.sessionCount()).toBe(2);
  }, 60_000);

  it("of a name is looked up", async () => {
    const server = await okServer();
    await client(`dns:///localhost:${server.port}`).echo({}, { timeoutMs: 5000 });
    const error = await rejection(client("dns:///no-such-name.invalid:1").echo({}, { timeoutMs: 5000 }));
    expect([error.code, neverSent(error)]).toEqual([Code.Unavailable, true]);
  });

  for (const wrong of [
    "",
    "localhost",
    "localhost:x",
    "ftp://x",
    "srv:///x:1",
    "dns://server/x:1",
    "http://a,https://b",
    "dns:///",
    "http://",
  ]) {
    it(`cannot be ${JSON.stringify(wrong)}`, () => {
      expect(() => parseTarget(wrong)).toThrow(TypeError);
    });
  }

  it("has scheme, host, port and path", async () => {
    const target = parseTarget("https://[::1]:8443/base/");
    expect(target).toMatchObject({ scheme: "https", authority: "[::1]:8443", hostname: "::1", pathPrefix: "/base" });
    expect((await target.resolve(systemClock)).endpoints).toEqual([{ host: "::1", port: 8443 }]);
  });
});

describe("connections", () => {
  it("are one for many concurrent calls, begun before it was open", async () => {
    const server = await okServer();
    const echo = client(server.url);
    await Promise.all(Array.from({ length: 100 }, () => echo.echo({}, { timeoutMs: 5000 })));
    expect(server.sessionCount()).toBe(1);
  });

  it("carry a short response ahead of most bytes of the long ones before it", async () => {
    const echoing = implementPartly(EchoService, {
      echo: ({ message }) => ({ message: message === "long" ? "x".repeat(400_000) : message }),
    });
    const config = { drainNoticeMs: 0 };
    const server = await serve({ entries: [echoing] }, { name: "echo", config, environment: testEnvironment() });
    closing.push(() => server.close());
    const echo = client(server.url);
    await echo.echo({ message: "short" });
    let longCount = 0;
    const long = Array.from({ length: 24 }, async () => {
      await echo.echo({ message: "long" }, { timeoutMs: 10_000 });
      longCount++;
    });
    await echo.echo({ message: "short" }, { timeoutMs: 10_000 });
    expect(longCount).toBeLessThan(4);
    await Promise.all(long);
  });

  it("never carry more concurrent calls than the peer allows", async () => {
    let atOnce = 0;
    let most = 0;
    const server = await rawHttp2(
      (stream) => {
        most = Math.max(most, ++atOnce);
        setTimeout(() => {
          atOnce--;
          answerOk(stream);
        }, 2);
      },
      { maxConcurrentStreams: 5 },
    );
    closing.push(() => server.close());
    const echo = client(server.url);
    await Promise.all(Array.from({ length: 60 }, () => echo.echo({}, { timeoutMs: 5000 })));
    expect(most).toBeLessThanOrEqual(5);
  });

  it("have a bounded queue", async () => {
    const server = await rawHttp2(() => {}, { maxConcurrentStreams: 1 });
    closing.push(() => server.close());
    const echo = client(server.url, { queueLengthMax: 2 });
    const calls = Array.from({ length: 4 }, () => rejection(echo.echo({}, { timeoutMs: 300 })));
    const codes = (await Promise.all(calls)).map(({ code }) => code);
    expect(codes.filter((code) => code === Code.ResourceExhausted).length).toBeGreaterThan(0);
    expect(codes.filter((code) => code === Code.DeadlineExceeded).length).toBeGreaterThan(0);
  });

  it("are closed when idle for long", async () => {
    const server = await okServer();
    const echo = client(server.url, { idleTimeoutMs: 50 });
    await echo.echo({}, { timeoutMs: 5000 });
    await expect.poll(() => server.sessions.size, { timeout: 3000 }).toBe(0);
    await echo.echo({}, { timeoutMs: 5000 });
    expect(server.sessionCount()).toBe(2);
  });

  it("are shared by the clients of one pool, and end with it", async () => {
    const server = await okServer();
    const environment = testEnvironment();
    const pool = new ConnectionPool(environment);
    for (let clients = 0; clients < 3; clients++) {
      await createServiceClient(EchoService, server.url, { environment, pool }).echo({});
    }
    expect(server.sessionCount()).toBe(1);
    pool.close();
    await expect.poll(() => server.sessions.size, { timeout: 3000 }).toBe(0);
  });
});

describe("the wait before connecting again", () => {
  it("grows by 1.6 with 20 % of jitter, up to its longest", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        (failures, random) => {
          const base = Math.min(100 * 1.6 ** (failures - 1), 1000);
          const waitMs = connectBackoffMs(failures, () => random);
          return waitMs >= base * 0.8 - 1e-9 && waitMs <= base * 1.2 + 1e-9;
        },
      ),
    );
  });

  it("never exceeds 120 s, whatever the option", () => {
    expect(connectBackoffMs(200, () => 0.5, { maxMs: 1e9 })).toBe(120_000);
  });
});
