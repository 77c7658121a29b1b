import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectTcp } from "node:net";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { RetryInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { Health } from "@parley/gen/health/v1/health_pb.js";
import type { AnyHttp2Stream } from "@parley/http2";
import { afterEach, describe, expect, test } from "vitest";
import { reasonOf } from "../../../call/reason-error.ts";
import { defaultLimits } from "../../config/server-limits.ts";
import { type EchoServer, everyProtocol, recordingEnvironment, serveEcho } from "../../echo-fixture.ts";
import { CallPipeline } from "../../pipeline/call-pipeline.ts";
import { serveMethods } from "../../pipeline/service-methods.ts";
import { implement } from "../../pipeline/service-module.ts";
import { createQuickRefusal } from "./quick-refusal.ts";

const opened: EchoServer[] = [];
const sessions: ClientHttp2Session[] = [];

async function open(...options: Parameters<typeof serveEcho>): Promise<EchoServer> {
  const server = await serveEcho(...options);
  opened.push(server);
  return server;
}
afterEach(async () => {
  for (const session of sessions.splice(0)) {
    session.destroy();
  }
  await Promise.all(opened.splice(0).map(({ server }) => server.close().catch(() => {})));
});

/** A server with CALLS_MAX=1. A call occupies the place until the test ends it. */
async function busy() {
  let end = () => {};
  const server = await open({
    echo: ({ message }) =>
      message === "hold"
        ? new Promise((resolve) => {
            end = () => resolve({ message });
          })
        : { message },
    config: { drainNoticeMs: 0, limits: { callsMax: 1 } },
  });
  const [, transport] = everyProtocol(server.url)[0] as (typeof protocols)[number];
  let held: Promise<unknown> = Promise.resolve();
  /** Occupies the place, again if necessary: the call has a deadline of a second, and the machine may be slow. */
  async function hold() {
    end();
    await held;
    held = createClient(EchoService, transport)
      .echo({ message: "hold" })
      .catch(() => {});
    await expect.poll(() => metric(server, 'places_taken{budget="unary"}')).toBe(1);
  }
  await hold();
  const release = () => {
    end();
    return held;
  };
  return { server, transport, hold, release };
}
const protocols = everyProtocol("http://127.0.0.1");

async function metric({ environment }: EchoServer, name: string): Promise<number | undefined> {
  const text = await environment.metrics.metrics();
  const line = text.split("\n").find((each) => each.startsWith(`parley_server_${name} `));
  return line === undefined ? undefined : Number(line.split(" ").at(-1));
}

describe("a refusal under load", () => {
  test("has the reason and the retry delay in every protocol, and does not affect health checks", async () => {
    const { server, hold, release } = await busy();
    for (const [name, transport] of everyProtocol(server.url)) {
      await hold();
      const error = await createClient(EchoService, transport)
        .echo({ message: "one too many" })
        .then(
          () => undefined,
          (reason: unknown) => ConnectError.from(reason),
        );
      expect([name, error?.code, error === undefined ? undefined : reasonOf(error)]).toEqual([
        name,
        Code.ResourceExhausted,
        { reason: "OVERLOADED", metadata: { limit: "CALLS_MAX", max: "1" } },
      ]);
      expect(error?.findDetails(RetryInfoSchema)[0]?.retryDelay?.nanos).toBe(500_000_000);
      await expect(createClient(Health, transport).check({})).resolves.toMatchObject({ status: 1 });
    }
    expect(await metric(server, 'calls_shed_by_reason_total{reason="full"}')).toBe(protocols.length);
    await release();
    const [, transport] = everyProtocol(server.url)[0] as (typeof protocols)[number];
    await expect(createClient(EchoService, transport).echo({ message: "now" })).resolves.toMatchObject({
      message: "now",
    });
  });

  test("is sent before the request body arrives, and a stream whose request never ends is closed", async () => {
    const server = await open({ config: { drainNoticeMs: 0, limits: { callsMax: 0 } } });
    const session = connect(server.url);
    sessions.push(session);
    const stream = session.request({
      ":method": "POST",
      ":path": "/echo.v1.EchoService/Echo",
      "content-type": "application/grpc",
      te: "trailers",
    });
    const [headers] = (await once(stream, "response")) as [Record<string, string>];
    expect(headers["grpc-status"]).toBe("8");
    expect(headers["grpc-retry-pushback-ms"]).toBe("500");
    stream.resume();
    await once(stream, "close");
  });

  test("over HTTP/1.1 is sent before the body arrives, has the retry delay, and keeps the connection open", async () => {
    const { server, release } = await busy();
    const socket = connectTcp(server.server.port, "127.0.0.1");
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
    });
    const head = "POST /echo.v1.EchoService/Echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    socket.write(`${head}content-length: 16\r\n\r\n`);
    await expect.poll(() => text).toContain("CALLS_MAX=1");
    expect(text).toMatch(/^HTTP\/1\.1 429 /);
    expect(text).toMatch(/^retry-after: 1\r$/m);
    expect(text).toMatch(/^grpc-retry-pushback-ms: 500\r$/m);
    await release();
    text = "";
    socket.write(`{"message":"hi"}${head}content-length: 16\r\n\r\n{"message":"hi"}`);
    await expect.poll(() => text).toContain('{"message":"hi"}');
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });

  test("costs less than 5 µs of CPU time without I/O", () => {
    const { environment } = recordingEnvironment();
    const pipeline = new CallPipeline({ environment, limits: { ...defaultLimits, callsMax: 0 } });
    const entries = [implement(EchoService, { echo: ({ message }) => ({ message }) })];
    const { refuse2 } = createQuickRefusal(pipeline, { methods: serveMethods(pipeline, { entries }), environment });
    const fields = [":method", "POST", ":path", "/echo.v1.EchoService/Echo", "content-type", "application/grpc"];
    const block = { fields, malformed: false, tooLarge: false, units: 0 };
    let bytes = 0;
    const stream = {
      closed: true,
      sendHeaders: (headers: Uint8Array) => {
        bytes += headers.length;
      },
    } as unknown as AnyHttp2Stream;
    const round = () => {
      for (let count = 0; count < 50_000; count++) {
        refuse2(stream, block, { behindMs: 0 });
      }
    };
    round();
    const before = process.cpuUsage();
    round();
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 50_000).toBeLessThan(5);
    expect(bytes).toBeGreaterThan(100_000 * 100);
  });
});
