import { Agent, request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { bareClient, patientLimits } from "../../client/connection/balancing/balanced-fixture.ts";
import { type EchoServer, serveEcho } from "../echo-fixture.ts";

vi.setConfig({ testTimeout: 60_000 });

const patience = { timeout: 20_000, interval: 20 };

describe("a connection that is old enough", () => {
  let echo: EchoServer;
  let release: () => void = () => {};
  const aging = (connectionAgeGraceMs: number) =>
    serveEcho({
      config: { limits: { ...patientLimits, connectionAgeMaxMs: 100, connectionAgeGraceMs } },
      echo: async ({ message }) => {
        if (message === "hold") {
          await new Promise<void>((resolve) => {
            release = resolve;
          });
        }
        return { message };
      },
    });
  beforeAll(async () => {
    echo = await aging(60_000);
  });
  afterAll(() => echo.server.close());

  it("over HTTP/2 gets GOAWAY twice, first for no call, then for the last, and ends when its calls have ended", async () => {
    const session = connectHttp2(echo.url);
    const lastStreams: number[] = [];
    session.on("goaway", (_code, lastStreamId) => lastStreams.push(lastStreamId));
    const closed = new Promise<void>((resolve) => session.once("close", () => resolve()));
    const answer = new Promise<number>((resolve, reject) => {
      const call = session.request({
        ":method": "POST",
        ":path": "/echo.v1.EchoService/Echo",
        "content-type": "application/json",
      });
      call.on("response", (headers) => resolve(Number(headers[":status"])));
      call.on("error", reject);
      call.resume();
      call.end('{"message":"hold"}');
    });
    await expect.poll(() => lastStreams.length, patience).toBeGreaterThan(1);
    release();
    expect(await answer).toBe(200);
    await closed;
    expect(lastStreams.slice(0, 2)).toEqual([2 ** 31 - 1, 1]);
  });

  it("over HTTP/1.1 says connection: close with its next answer", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const connections: (string | undefined)[] = [];
    const call = () =>
      new Promise<void>((resolve, reject) => {
        const options = { method: "POST", agent, headers: { "content-type": "application/json" } };
        const sent = request(`${echo.url}/echo.v1.EchoService/Echo`, options, (response) => {
          connections.push(response.headers.connection);
          response.resume();
          response.on("end", resolve);
        });
        sent.on("error", reject);
        sent.end("{}");
      });
    await expect.poll(() => call().then(() => connections.includes("close")), patience).toBe(true);
    agent.destroy();
  });

  it("is cut with its calls when the grace is over", async () => {
    const impatient = await aging(100);
    const session = connectHttp2(impatient.url);
    session.on("error", () => {});
    const call = session.request({
      ":method": "POST",
      ":path": "/echo.v1.EchoService/Echo",
      "content-type": "application/json",
    });
    call.on("error", () => {});
    call.end('{"message":"hold"}');
    await new Promise<void>((resolve) => session.once("close", () => resolve()));
    release();
    await impatient.server.close();
  });

  it("fails no call of a client that goes on calling", async () => {
    const { client, pool } = bareClient(echo.url, { balancing: "round_robin" });
    const untilMs = performance.now() + 1000;
    let count = 0;
    while (performance.now() < untilMs) {
      await Promise.all(Array.from({ length: 8 }, () => client.echo({}, { timeoutMs: 20_000 })));
      count += 8;
    }
    pool.close();
    expect(count).toBeGreaterThan(8);
  });
});

describe("a connection of a server without a limit", () => {
  it("stays", async () => {
    const echo = await serveEcho();
    const session = connectHttp2(echo.url);
    let sentAway = false;
    session.on("goaway", () => {
      sentAway = true;
    });
    await new Promise<void>((resolve) => setTimeout(resolve, 300));
    expect([sentAway, session.closed]).toEqual([false, false]);
    session.close();
    await echo.server.close();
  });
});
