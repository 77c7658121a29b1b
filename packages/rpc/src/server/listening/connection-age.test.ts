import { Agent, request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { bareClient, patientLimits } from "../../client/connection/balancing/balanced-fixture.ts";
import { type EchoServer, serveEcho } from "../echo-fixture.ts";

vi.setConfig({ testTimeout: 60_000 });

const patience = { timeout: 20_000, interval: 20 };

describe("a connection at its maximum age", () => {
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

  /** The last stream ids of the GOAWAYs, and the call's status. Without a status if the connection reached its age before the call arrived. */
  async function holdCall(): Promise<{ readonly lastStreams: readonly number[]; readonly status: number | undefined }> {
    const session = connectHttp2(echo.url);
    const lastStreams: number[] = [];
    const named = Promise.withResolvers<void>();
    session.on("error", () => {});
    session.on("goaway", (_code, lastStreamId) => {
      if (lastStreams.push(lastStreamId) === 2) {
        named.resolve();
      }
    });
    const closed = new Promise<void>((resolve) => session.once("close", () => resolve()));
    const call = session.request({
      ":method": "POST",
      ":path": "/echo.v1.EchoService/Echo",
      "content-type": "application/json",
    });
    let status: number | undefined;
    call.on("response", (headers) => {
      status = Number(headers[":status"]);
    });
    call.on("error", () => {});
    call.resume();
    call.end('{"message":"hold"}');
    await Promise.race([named.promise, closed]);
    release();
    await closed;
    return { lastStreams, status };
  }

  it("over HTTP/2 gets GOAWAY with the maximum stream id, then with the last one, and closes after its calls", async () => {
    let held = await holdCall();
    for (let tries = 0; tries < 20 && held.status === undefined; tries++) {
      held = await holdCall();
    }
    expect(held).toEqual({ lastStreams: [2 ** 31 - 1, 1], status: 200 });
  });

  it("over HTTP/1.1 gets connection: close with its next response", async () => {
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

  it("over HTTP/1.1 stays open while idle after the grace period, so that no request crosses its end", async () => {
    const impatient = await aging(100);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const options = { method: "POST", agent, headers: { "content-type": "application/json" } };
    const call = () =>
      new Promise<string | undefined>((resolve, reject) => {
        const sent = request(`${impatient.url}/echo.v1.EchoService/Echo`, options, (response) => {
          response.resume();
          response.on("end", () => resolve(sent.reusedSocket ? response.headers.connection : "new"));
        });
        sent.on("error", reject);
        sent.end("{}");
      });
    expect(await call()).toBe("new");
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(await call()).toBe("close");
    agent.destroy();
    await impatient.server.close();
  });

  it("is closed with its calls after the grace period", async () => {
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

  it("fails no call of a client under load", async () => {
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

describe("a connection without a maximum age", () => {
  it("stays open", async () => {
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
