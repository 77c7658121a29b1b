import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { setTimeout as wait } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { type EchoRequest, EchoRequestSchema, EchoResponseSchema } from "@parley/gen/echo/v1/echo_service_pb.js";
import { afterEach, describe, expect, it } from "vitest";
import { encodeEnvelope, readEnvelope } from "../../protocol/envelope.ts";
import type { ServerConfig } from "../config/server-config.ts";
import { type EchoServer, StreamService, serveEcho } from "../echo-fixture.ts";
import { implement } from "../pipeline/service-module.ts";
import { sharedEnvelope, sharedMessage } from "./shared-message.ts";

const running: EchoServer[] = [];
const sessions: ClientHttp2Session[] = [];

interface Methods {
  repeat?(request: EchoRequest, context: HandlerContext): AsyncIterable<unknown>;
  join?(requests: AsyncIterable<EchoRequest>, context: HandlerContext): Promise<unknown>;
  chat?(requests: AsyncIterable<EchoRequest>, context: HandlerContext): AsyncIterable<unknown>;
}

async function start(methods: Methods, config: ServerConfig = {}): Promise<EchoServer> {
  const entries = [implement(StreamService, methods as never)];
  const server = await serveEcho({ entries, config: { shutdownGraceMs: 0, ...config } });
  running.push(server);
  return server;
}

afterEach(async () => {
  for (const session of sessions.splice(0)) {
    session.destroy();
  }
  await Promise.all(running.splice(0).map(({ server }) => server.close().catch(() => {})));
});

function open(url: string, method: string, headers: Record<string, string> = {}): ClientHttp2Stream {
  const session = connect(url);
  session.on("error", () => {});
  sessions.push(session);
  const stream = session.request({
    ":method": "POST",
    ":path": `/test.v1.StreamService/${method}`,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  stream.on("error", () => {});
  return stream;
}

const framed = (message: string, flags = 0) =>
  encodeEnvelope(flags, toBinary(EchoRequestSchema, create(EchoRequestSchema, { message })));

interface Seen {
  readonly headers: Record<string, unknown>;
  /** Whether the headers were the whole response ("Trailers-Only"). */
  readonly alone: boolean;
  readonly trailers: Record<string, unknown>;
  readonly body: Buffer;
}

async function seen(stream: ClientHttp2Stream): Promise<Seen> {
  let [headers, trailers, alone] = [{}, {}, false];
  const body: Buffer[] = [];
  stream.on("response", (found, flags) => {
    headers = found;
    alone = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
  });
  stream.on("trailers", (found) => {
    trailers = found;
  });
  stream.on("data", (chunk: Buffer) => body.push(chunk));
  await once(stream, "close");
  return { headers, alone, trailers, body: Buffer.concat(body) };
}

async function callsInFlight({ environment }: EchoServer): Promise<number> {
  const metric = await environment.metrics.getSingleMetric("parley_server_calls_in_flight")?.get();
  return metric?.values[0]?.value ?? Number.NaN;
}

describe("the response of a stream", () => {
  it("sends its headers before the first message", async () => {
    const { url } = await start({
      async *repeat(_request, { signal }) {
        await once(signal, "abort");
        yield {};
      },
    });
    const stream = open(url, "Repeat");
    stream.end(framed(""));
    const [headers] = await once(stream, "response");
    expect(headers).toMatchObject({ ":status": 200, "content-type": "application/grpc+proto" });
  });

  it.each(["application/grpc", "application/grpc-web+proto", "application/connect+proto"])(
    "sends its headers without a noticeable delay while there is no message: %s",
    async (contentType) => {
      const { url } = await start({
        async *repeat(_request, { signal }) {
          await once(signal, "abort");
          yield {};
        },
      });
      const delaysMs: number[] = [];
      // The quickest of several: a busy machine delays some.
      for (let tries = 0; tries < 5 && Math.min(...delaysMs) > 300; tries++) {
        const stream = open(url, "Repeat", { "content-type": contentType });
        const startMs = performance.now();
        stream.end(framed(""));
        await once(stream, "response");
        delaysMs.push(performance.now() - startMs);
      }
      expect(Math.min(...delaysMs)).toBeLessThan(300);
    },
  );

  it.each([
    ["thrown at once", async () => {}],
    ["thrown a little later", () => wait(5)],
  ])("is Trailers-Only for an error %s", async (_name, before) => {
    const { url } = await start({
      // biome-ignore lint/correctness/useYield: it fails before its first message.
      async *repeat() {
        await before();
        throw new ConnectError("no", Code.NotFound);
      },
    });
    const stream = open(url, "Repeat");
    stream.end(framed(""));
    const { headers, alone } = await seen(stream);
    expect(headers).toMatchObject({ ":status": 200, "grpc-status": "5", "grpc-message": "no" });
    expect(alone).toBe(true);
  });

  it("coalesces messages of one event-loop turn into one write", async () => {
    const { url } = await start({
      async *repeat() {
        for (let left = 50; left > 0; left--) {
          yield { message: "x" };
        }
      },
    });
    const stream = open(url, "Repeat");
    let frames = 0;
    stream.on("data", () => frames++);
    stream.end(framed(""));
    const { body, trailers } = await seen(stream);
    expect(body.length).toBe(50 * 8);
    expect(trailers["grpc-status"]).toBe("0");
    expect(frames).toBeLessThan(10);
  });

  it("applies backpressure: no more messages are produced than flow control allows", async () => {
    let made = 0;
    const { url } = await start({
      async *repeat() {
        while (true) {
          made++;
          yield { message: "x".repeat(1_000) };
        }
      },
    });
    const stream = open(url, "Repeat");
    stream.pause();
    stream.end(framed(""));
    await once(stream, "response");
    await wait(200);
    expect(made).toBeGreaterThan(10);
    expect(made).toBeLessThan(1_000);
  });

  it.each([
    ["ends after the message", 0],
    ["continues after the message", 50],
  ])(
    "is INTERNAL if an implementation that %s sets a header that HTTP does not allow, and releases its place",
    async (_name, restMs) => {
      const server = await start({
        async *repeat(_request, { responseHeader }) {
          Object.defineProperty(responseHeader, Symbol.iterator, { value: () => [["x", "a\nb"]][Symbol.iterator]() });
          yield {};
          await wait(restMs);
        },
      });
      const stream = open(server.url, "Repeat");
      stream.end(framed(""));
      const { headers } = await seen(stream);
      expect(headers["grpc-status"]).toBe("13");
      await expect.poll(() => callsInFlight(server)).toBe(0);
    },
  );
});

describe("the request of a stream", () => {
  it("may arrive in frames of one byte", async () => {
    const { url } = await start({
      join: async (requests) => {
        let characters = 0;
        for await (const { message } of requests) {
          characters += message.length;
        }
        return { message: String(characters) };
      },
    });
    const stream = open(url, "Join");
    const body = Buffer.concat(Array.from({ length: 5 }, () => framed("x".repeat(3_000))));
    for (const byte of body) {
      stream.write(Buffer.from([byte]));
    }
    stream.end();
    const { body: answer } = await seen(stream);
    expect(readEnvelope(answer, 0)?.payload.toString()).toContain("15000");
  });

  it("applies backpressure while its implementation does not read", async () => {
    const { url } = await start({
      join: async (_requests, { signal }) => {
        await once(signal, "abort");
        return {};
      },
    });
    const stream = open(url, "Join");
    stream.write(framed("x".repeat(4_000_000)));
    for (let left = 20; left > 0; left--) {
      stream.write(framed("x".repeat(100_000)));
    }
    await wait(300);
    // The receive window of 256 KiB, and the bytes that the client's HTTP/2 session has buffered.
    expect(stream.writableLength).toBeGreaterThan(1_500_000);
  });

  it("yields to the event loop between buffered messages", async () => {
    const { url } = await start({
      join: async (requests) => {
        let count = 0;
        for await (const _message of requests) {
          count++;
        }
        return { message: String(count) };
      },
    });
    const stream = open(url, "Join");
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    stream.end(Buffer.alloc(5 * 300_800));
    const { body } = await seen(stream);
    clearInterval(timer);
    expect(readEnvelope(body, 0)?.payload.toString()).toContain("300800");
    expect(ticks).toBeGreaterThan(10);
  });

  it.each([
    ["a reserved flag", framed("x", 4), "13"],
    ["the flag of gRPC-Web's trailers", framed("x", 0x80), "13"],
    ["the flag of Connect's end", framed("x", 2), "13"],
    ["a message cut off", framed("hello").subarray(0, 7), "3"],
    ["a header cut off", framed("hello").subarray(0, 3), "3"],
    ["a length beyond the limit", Buffer.from([0, 0xff, 0xff, 0xff, 0xff]), "8"],
    ["malformed protobuf", encodeEnvelope(0, Buffer.from([0x0a, 9, 0x31])), "3"],
    ["compression without a grpc-encoding", framed("x", 1), "13"],
  ])("is refused with %s", async (_name, body, status) => {
    const server = await start({
      join: async (requests) => {
        for await (const _message of requests);
        return {};
      },
      async *repeat() {
        yield {};
      },
      async *chat(requests) {
        for await (const { message } of requests) {
          yield { message };
        }
      },
    });
    for (const method of ["Join", "Repeat", "Chat"]) {
      const stream = open(server.url, method);
      stream.end(body);
      const { headers, alone } = await seen(stream);
      expect([method, headers["grpc-status"], alone]).toEqual([method, status, true]);
    }
    await expect.poll(() => callsInFlight(server)).toBe(0);
  });

  it("gets the supported compressions if it names another", async () => {
    const { url } = await start({});
    const stream = open(url, "Join", { "grpc-encoding": "br" });
    stream.end();
    const { headers } = await seen(stream);
    expect(headers).toMatchObject({ "grpc-status": "12", "grpc-accept-encoding": "gzip" });
  });
});

describe("the place of a stream is released", () => {
  const forever: Methods = {
    async *repeat(_request, { signal }) {
      yield { message: "first" };
      await once(signal, "abort");
    },
  };
  const endings: readonly [
    string,
    Methods,
    (stream: ClientHttp2Stream) => unknown,
    headers?: Record<string, string>,
  ][] = [
    [
      "when its caller cancels before the request is complete",
      forever,
      (stream) => stream.close(constants.NGHTTP2_CANCEL),
    ],
    [
      "when its caller cancels after the first response",
      forever,
      async (stream) => {
        stream.end(framed(""));
        await once(stream, "data");
        stream.close(constants.NGHTTP2_CANCEL);
      },
    ],
    [
      "when its connection breaks",
      forever,
      async (stream) => {
        stream.end(framed(""));
        await once(stream, "data");
        stream.session?.destroy();
      },
    ],
    ["at its deadline", forever, (stream) => stream.end(framed("")), { "grpc-timeout": "50m" }],
    ["at a deadline that has already passed", forever, (stream) => stream.end(framed("")), { "grpc-timeout": "0n" }],
    ["at its deadline before the request is complete", forever, () => {}, { "grpc-timeout": "50m" }],
    [
      "when its implementation throws before it answers",
      {
        repeat: () => {
          throw new TypeError("a secret");
        },
      },
      (stream) => stream.end(framed("")),
    ],
    ["when there is no implementation", {}, (stream) => stream.end(framed(""))],
  ];
  it.each(endings)("%s", async (_name, methods, end, headers = {}) => {
    const server = await start(methods);
    const stream = open(server.url, "Repeat", headers);
    stream.resume();
    await end(stream);
    await expect.poll(() => server.calls().length, { timeout: 10_000 }).toBe(1);
    expect(await callsInFlight(server)).toBe(0);
  });
});

describe("a shared message", () => {
  it("is encoded once for each format, on any number of streams", () => {
    let encoded = 0;
    const codec = () => ({
      decode: () => create(EchoRequestSchema),
      encode: () => {
        encoded++;
        return Buffer.from("x");
      },
    });
    const [proto, json] = [codec(), codec()];
    const message = sharedMessage(EchoResponseSchema, { message: "hello" });
    for (let left = 10; left > 0; left--) {
      expect(sharedEnvelope(message, proto)).toEqual(encodeEnvelope(0, Buffer.from("x")));
      sharedEnvelope(message, json);
    }
    expect(encoded).toBe(2);
    expect(sharedEnvelope(create(EchoResponseSchema), proto)).toBeUndefined();
  });

  it("is sent like other messages", async () => {
    const message = sharedMessage(EchoResponseSchema, { message: "hello" });
    const { url } = await start({
      async *repeat() {
        yield message;
        yield { message: "hello" };
      },
    });
    const stream = open(url, "Repeat");
    stream.end(framed(""));
    const { body } = await seen(stream);
    expect(body.subarray(0, body.length / 2)).toEqual(body.subarray(body.length / 2));
  });
});
