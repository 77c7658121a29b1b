import { Agent, request as http1Request } from "node:http";
import { type ClientHttp2Session, constants, connect as http2Connect } from "node:http2";
import { connect } from "node:net";
import { Code, type ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "@parley/gen/health/v1/health_pb.js";
import { describe, expect, it } from "vitest";
import { testedHttp2 } from "../../environment/tested-http2-fixture.ts";
import { StreamService, serveEcho } from "../echo-fixture.ts";
import { implement } from "../pipeline/service-module.ts";
import { CallsCutError } from "./drain.ts";

const refused = constants.NGHTTP2_REFUSED_STREAM;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls over one HTTP/2 connection until the server sends GOAWAY. */
async function loadHttp2(url: string): Promise<{ answered: number; failed: unknown[] }> {
  const session: ClientHttp2Session = http2Connect(url);
  let goneAway = false;
  session.on("goaway", () => {
    goneAway = true;
  });
  session.on("error", () => {});
  const outcome = { answered: 0, failed: [] as unknown[] };
  const frame = Buffer.from([0, 0, 0, 0, 4, 0x0a, 2, 0x68, 0x69]);
  const worker = async () => {
    while (!goneAway) {
      const stream = session.request({
        ":method": "POST",
        ":path": "/echo.v1.EchoService/Echo",
        "content-type": "application/grpc",
        te: "trailers",
      });
      const status = await new Promise((resolve) => {
        stream.on("trailers", (trailers) => resolve(trailers["grpc-status"]));
        // A call that was refused after GOAWAY was not processed. It can be retried on another server (RFC 9113, section 8.7).
        stream.on("error", (error) => resolve(goneAway && stream.rstCode === refused ? "elsewhere" : error));
        stream.on("close", () => resolve("closed"));
        stream.resume();
        stream.end(frame);
      });
      if (status === "0") {
        outcome.answered++;
      } else if (status !== "elsewhere") {
        outcome.failed.push(status);
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  session.close();
  return outcome;
}

/** Calls over kept-alive HTTP/1.1 connections, each until the server sends `connection: close`. */
async function loadHttp1(url: string): Promise<{ answered: number; failed: unknown[] }> {
  const outcome = { answered: 0, failed: [] as unknown[] };
  const worker = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let open = true;
    while (open) {
      const answer = await new Promise<{ status: number | undefined; close: boolean } | Error>((resolve) => {
        const call = http1Request(`${url}/echo.v1.EchoService/Echo`, {
          method: "POST",
          agent,
          headers: { "content-type": "application/json" },
        });
        call.on("error", resolve);
        call.on("response", (response) => {
          response.resume();
          response.on("end", () =>
            resolve({ status: response.statusCode, close: response.headers.connection === "close" }),
          );
        });
        call.end('{"message":"hi"}');
      });
      if (answer instanceof Error || answer.status !== 200) {
        outcome.failed.push(answer);
        open = false;
      } else {
        outcome.answered++;
        open = !answer.close;
      }
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return outcome;
}

/** One call on its own connection. Returns the HTTP status or the error code. */
function callOnce(url: string): Promise<string> {
  return new Promise((resolve) => {
    const call = http1Request(`${url}/echo.v1.EchoService/Echo`, {
      method: "POST",
      agent: false,
      headers: { "content-type": "application/json" },
    });
    call.on("error", (error: NodeJS.ErrnoException) => resolve(String(error.code)));
    call.on("response", (response) => {
      response.resume();
      response.on("end", () => resolve(String(response.statusCode)));
    });
    call.end('{"message":"hi"}');
  });
}

/** The `connection` header of a response on a kept-alive connection. */
function connectionOf(url: string, agent: Agent): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const call = http1Request(`${url}/echo.v1.EchoService/Echo`, {
      method: "POST",
      agent,
      headers: { "content-type": "application/json" },
    });
    call.on("error", reject);
    call.on("response", (response) => {
      response.resume();
      response.on("end", () => resolve(response.headers.connection));
    });
    call.end('{"message":"hi"}');
  });
}

/** For tests of the first GOAWAY. node:http2 cannot send it; `npm run interop` tests rolling restarts over node:http2. */
const itWithTwoGoaways = it.skipIf(testedHttp2 === "node");

describe("a server that closes", () => {
  itWithTwoGoaways("fails no call that it accepted, under load over both HTTP versions", async () => {
    const { server, url, calls } = await serveEcho({
      config: { drainNoticeMs: 150 },
      async echo({ message }) {
        await pause(Math.random() * 10);
        return { message };
      },
    });
    const load = Promise.all([loadHttp2(url), loadHttp2(url), loadHttp1(url)]);
    await expect.poll(() => calls().length, { timeout: 10_000 }).toBeGreaterThan(300);
    await server.close();
    let answeredByAll = 0;
    for (const { answered, failed } of await load) {
      expect(failed).toEqual([]);
      expect(answered).toBeGreaterThan(0);
      answeredByAll += answered;
    }
    expect(calls()).toHaveLength(answeredByAll);
    expect(new Set(calls().map(({ code }) => code))).toEqual(new Set(["OK"]));
  });

  it("accepts the connections in the accept queue before it closes its port", async () => {
    const { server, url, calls } = await serveEcho({ config: { drainNoticeMs: 0 } });
    const closing = server.close();
    // The kernel opens these at once. The server cannot accept them before the notice of 0 ms is over.
    const waiting = Array.from({ length: 20 }, () => callOnce(url));
    const endMs = performance.now() + 20;
    while (performance.now() < endMs) {
      // Blocks the event loop, as on a busy server.
    }
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["200"]));
    expect(calls()).toHaveLength(20);
    await closing;
  });

  itWithTwoGoaways("asks clients to close their connections only after its port is closed", async () => {
    const { server, url } = await serveEcho({ config: { drainNoticeMs: 400 } });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await connectionOf(url, agent)).toBe("keep-alive");
    const early = http2Connect(url);
    const goneAway: string[] = [];
    early.on("goaway", () => goneAway.push("early"));
    await new Promise((resolve) => early.once("remoteSettings", resolve));
    const closing = server.close();
    // First notice: new connections work as before.
    await pause(100);
    expect(await connectionOf(url, agent)).toBe("keep-alive");
    expect(goneAway).toEqual([]);
    // Second notice: the port is closed. Both connections get GOAWAY or `connection: close`, and calls on them still succeed.
    await expect.poll(() => goneAway).toEqual(["early"]);
    expect(await callOnce(url)).toBe("ECONNREFUSED");
    expect(await connectionOf(url, agent)).toBe("close");
    early.close();
    agent.destroy();
    await closing;
  });

  it("answers requests on idle HTTP/1.1 connections during the drain, and ends once the clients have closed them", async () => {
    const { server, url } = await serveEcho({
      config: { drainNoticeMs: 20, http1DrainMs: 60_000, shutdownGraceMs: 200_000 },
    });
    const [crossing, idle] = [1, 2].map(() => new Agent({ keepAlive: true, maxSockets: 1 })) as [Agent, Agent];
    expect(await connectionOf(url, crossing)).toBe("keep-alive");
    expect(await connectionOf(url, idle)).toBe("keep-alive");
    let hasEnded = false;
    const closing = server.close().then(() => {
      hasEnded = true;
    });
    await expect.poll(() => callOnce(url)).toBe("ECONNREFUSED");
    // Long after the notice of 20 ms.
    await pause(200);
    expect(await connectionOf(url, crossing)).toBe("close");
    await pause(50);
    expect(hasEnded).toBe(false);
    // As a proxy does after its idle timeout.
    idle.destroy();
    await closing;
    crossing.destroy();
  });

  it("closes HTTP/1.1 connections that are still idle at the end of that time", async () => {
    const { server, url } = await serveEcho({
      config: { drainNoticeMs: 0, http1DrainMs: 100, shutdownGraceMs: 200_000 },
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await connectionOf(url, agent)).toBe("keep-alive");
    await server.close();
    await expect(connectionOf(url, agent)).rejects.toMatchObject({
      code: expect.stringMatching(/ECONNREFUSED|ECONNRESET/),
    });
    agent.destroy();
  });

  itWithTwoGoaways("sends no GOAWAY before the first call of a connection", async () => {
    const { server, url } = await serveEcho({ config: { drainNoticeMs: 300 } });
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    const closing = server.close();
    await expect.poll(() => callOnce(url)).toBe("ECONNREFUSED");
    // The connection was accepted before the port closed, and its first bytes arrive only now.
    const session = http2Connect(url, { createConnection: () => socket });
    let goneAway = false;
    session.on("goaway", () => {
      goneAway = true;
    });
    await new Promise((resolve) => session.once("remoteSettings", resolve));
    await pause(50);
    expect(goneAway).toBe(false);
    const stream = session.request({
      ":method": "POST",
      ":path": "/echo.v1.EchoService/Echo",
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.end(Buffer.from([0, 0, 0, 0, 0]));
    const trailers = await new Promise<Record<string, unknown>>((resolve, reject) => {
      stream.once("trailers", resolve);
      stream.once("error", reject);
      stream.resume();
    });
    expect(trailers["grpc-status"]).toBe("0");
    expect(goneAway).toBe(true);
    session.close();
    await closing;
  });

  it("waits for an in-flight call, and accepts no new connection meanwhile", async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    let begun = false;
    const { server, url } = await serveEcho({
      async echo() {
        begun = true;
        await held;
        return { message: "done" };
      },
    });
    const call = createClient(EchoService, createGrpcTransport({ baseUrl: url })).echo({});
    await expect.poll(() => begun).toBe(true);
    let closed = false;
    const closing = server.close().then(() => {
      closed = true;
    });
    await pause(100);
    await expect(fetch(`${url}/health`)).rejects.toThrow();
    expect(closed).toBe(false);
    release();
    await expect(call).resolves.toMatchObject({ message: "done" });
    await closing;
  });

  it("cuts off calls after the grace period and rejects with CallsCutError", async () => {
    const { server, url } = await serveEcho({
      config: { drainNoticeMs: 0, shutdownGraceMs: 150 },
      echo: () => new Promise(() => {}),
    });
    const call = createClient(EchoService, createGrpcTransport({ baseUrl: url })).echo({});
    call.catch(() => {});
    await pause(50);
    await expect(server.close()).rejects.toThrow(CallsCutError);
    await expect(call).rejects.toThrow();
  });

  it("stops the module once, after the last call", async () => {
    const events: string[] = [];
    const { server, url } = await serveEcho({
      async echo() {
        await pause(100);
        events.push("answered");
        return {};
      },
      module: {
        async stop() {
          events.push("stopped");
        },
      },
    });
    const call = createClient(EchoService, createGrpcTransport({ baseUrl: url })).echo({});
    await pause(50);
    await Promise.all([server.close(), server.close(), call]);
    expect(events).toEqual(["answered", "stopped"]);
  });

  it("sends NOT_SERVING to health watchers before it ends streams with UNAVAILABLE", async () => {
    const { server, url } = await serveEcho();
    const transport: Transport = createGrpcTransport({ baseUrl: url });
    const seen: unknown[] = [];
    const watching = (async () => {
      for await (const { status } of createClient(Health, transport).watch({})) {
        seen.push(Status[status]);
      }
    })().catch((error: ConnectError) => seen.push(Code[error.code]));
    await expect.poll(() => seen).toEqual(["SERVING"]);
    await server.close();
    await watching;
    expect(seen).toEqual(["SERVING", "NOT_SERVING", "Unavailable"]);
  });

  it("lets a stream end normally if it ends soon", async () => {
    const { server, url } = await serveEcho({ entries: [slowStream()] });
    const client = createClient(StreamService, createGrpcTransport({ baseUrl: url })) as unknown as {
      repeat(request: object): AsyncIterable<{ message: string }>;
    };
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { message } of client.repeat({ message: "a" })) {
        seen.push(message);
      }
    })();
    await expect.poll(() => seen.length).toBe(1);
    await server.close();
    await reading;
    expect(seen).toEqual(["a", "a", "a"]);
  });
});

function slowStream() {
  return implement(StreamService, {
    async *repeat(request: { message: string }) {
      for (let index = 0; index < 3; index++) {
        yield { message: request.message };
        await pause(100);
      }
    },
  } as never);
}
