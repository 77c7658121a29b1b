import { randomBytes } from "node:crypto";
import { createServer as createHttp1, type RequestListener } from "node:http";
import { createServer as createHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, createClient, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { afterEach, describe, expect, it, vi } from "vitest";
import { StreamService } from "../../../server/echo-fixture.ts";
import { neverSent } from "../../call/attempt-outcome.ts";
import { rejection, testEnvironment } from "../../client-fixture.ts";
import { ConnectionPool } from "../../connection/connection-pool.ts";
import { rawHttp2 } from "../wire-fixture.ts";
import type { WireTransportOptions } from "../wire-options.ts";
import { createWireTransport } from "../wire-transport.ts";

interface Text {
  readonly message: string;
}
interface Streams {
  repeat(request: object, options?: object): AsyncIterable<Text>;
  join(requests: AsyncIterable<object>, options?: object): Promise<Text>;
  chat(requests: AsyncIterable<object>, options?: object): AsyncIterable<Text>;
}
interface Handlers {
  repeat?(request: Text, context: HandlerContext): AsyncIterable<object>;
  join?(requests: AsyncIterable<Text>, context: HandlerContext): Promise<object>;
  chat?(requests: AsyncIterable<Text>, context: HandlerContext): AsyncIterable<object>;
}

const dialects: readonly (readonly [string, WireTransportOptions & { readonly httpVersion: "1.1" | "2" }])[] = [
  ["gRPC", { protocol: "grpc", httpVersion: "2" }],
  ["gRPC with JSON", { protocol: "grpc", httpVersion: "2", codec: "json" }],
  ["gRPC with gzip", { protocol: "grpc", httpVersion: "2", sendGzip: true, acceptGzip: true, gzipBytesMin: 0 }],
  ["gRPC-Web over HTTP/2", { protocol: "grpc-web", httpVersion: "2" }],
  ["gRPC-Web over HTTP/1.1", { protocol: "grpc-web", httpVersion: "1.1" }],
  ["Connect over HTTP/2", { protocol: "connect", httpVersion: "2" }],
  [
    "Connect JSON over HTTP/2 with gzip",
    { protocol: "connect", httpVersion: "2", codec: "json", sendGzip: true, acceptGzip: true },
  ],
  ["Connect over HTTP/1.1", { protocol: "connect", httpVersion: "1.1" }],
];

/** Gzip halves it, at best. */
const incompressible = randomBytes(8_000).toString("hex");

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) {
    await close();
  }
});

function clientOf(url: string, options: WireTransportOptions): Streams {
  const environment = testEnvironment();
  const pool = new ConnectionPool(environment);
  closing.push(() => pool.close());
  const transport = createWireTransport(pool.channel(url), environment.clock, options);
  return createClient(StreamService, transport) as unknown as Streams;
}

/** The stock server, so that another implementation reads our output. */
async function serve(handlers: Handlers, { httpVersion }: { readonly httpVersion: "1.1" | "2" }): Promise<string> {
  const handle = connectNodeAdapter({
    routes: (router) => router.service(StreamService, handlers as ServiceImpl<typeof StreamService>),
  });
  return listen(handle as RequestListener, { httpVersion });
}

async function listen(
  handle: RequestListener,
  { httpVersion }: { readonly httpVersion: "1.1" | "2" },
): Promise<string> {
  const server = httpVersion === "2" ? createHttp2(handle as never) : createHttp1(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function collect(stream: AsyncIterable<Text>): Promise<string[]> {
  const all: string[] = [];
  for await (const { message } of stream) {
    all.push(message);
  }
  return all;
}

async function* texts(messages: Iterable<string>) {
  for (const message of messages) {
    yield { message };
  }
}

for (const [name, dialect] of dialects) {
  const start = async (handlers: Handlers) => clientOf(await serve(handlers, dialect), dialect);

  describe(`streams in ${name}`, () => {
    it("carry messages of any size from the server, in order, with metadata before and after", async () => {
      const sizes = [0, 1, 5_000, 70_000, 3_000_000];
      const client = await start({
        async *repeat({ message }, context) {
          context.responseHeader.set("x-before", message);
          context.responseTrailer.set("x-after", "there");
          yield* sizes.map((size) => ({ message: "x".repeat(size) }));
        },
      });
      const seen: Record<string, string | null> = {};
      const messages = await collect(
        client.repeat(
          { message: "hello" },
          {
            headers: { "x-own": "1" },
            onHeader: (headers: Headers) => Object.assign(seen, { before: headers.get("x-before") }),
            onTrailer: (trailers: Headers) => Object.assign(seen, { after: trailers.get("x-after") }),
          },
        ),
      );
      expect(messages.map(({ length }) => length)).toEqual(sizes);
      expect(seen).toEqual({ before: "hello", after: "there" });
    });

    it("carry messages to the server, and its single response back", async () => {
      const client = await start({
        async join(requests) {
          return { message: (await collect(requests)).join("-") };
        },
      });
      const long = "y".repeat(300_000);
      expect((await client.join(texts(["a", long, "c"]))).message).toBe(`a-${long}-c`);
      expect((await client.join(texts([]))).message).toBe("");
    });

    // Over HTTP/1.1 few servers respond before they have read the request.
    if (dialect.httpVersion === "2") {
      it("run both ways at once", async () => {
        const client = await start({
          async *chat(requests) {
            for await (const { message } of requests) {
              yield { message: message.toUpperCase() };
            }
          },
        });
        const answers: string[] = [];
        const turn = Promise.withResolvers<void>();
        async function* asked() {
          yield { message: "a" };
          await turn.promise;
          yield { message: "b" };
        }
        for await (const { message } of client.chat(asked())) {
          answers.push(message);
          turn.resolve();
        }
        expect(answers).toEqual(["A", "B"]);
      });
    }

    it("end with the server's error, its details and metadata, also after messages", async () => {
      for (const before of [0, 2]) {
        const client = await start({
          async *repeat() {
            yield* Array.from({ length: before }, () => ({ message: "x" }));
            throw new ConnectError("no more", Code.OutOfRange, { "x-why": "gone" }, [
              { desc: ErrorInfoSchema, value: { reason: "OVER", domain: "test" } },
            ]);
          },
        });
        const seen: string[] = [];
        const error = await rejection(
          (async () => {
            for await (const { message } of client.repeat({})) {
              seen.push(message);
            }
          })(),
        );
        expect([seen.length, error.code, error.rawMessage, error.metadata.get("x-why")]).toEqual([
          before,
          Code.OutOfRange,
          "no more",
          "gone",
        ]);
        expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe("OVER");
      }
    });

    it("end at their deadline, which is sent to the server, before and after the first message", async () => {
      const timeouts: (number | undefined)[] = [];
      const client = await start({
        async *repeat({ message }, context) {
          timeouts.push(context.timeoutMs());
          if (message !== "") {
            yield { message };
          }
          await new Promise(() => {});
        },
      });
      for (const message of ["", "x"]) {
        const error = await rejection(collect(client.repeat({ message }, { timeoutMs: 150 })));
        expect(error.code).toBe(Code.DeadlineExceeded);
      }
      expect(timeouts.every((ms) => ms !== undefined && ms <= 150)).toBe(true);
    });

    it("may have longer deadlines than a timer or eight digits of milliseconds hold", async () => {
      const timeouts: unknown[] = [];
      const handle: RequestListener = ({ headers }, response) => {
        timeouts.push(headers["grpc-timeout"] ?? headers["connect-timeout-ms"]);
        response.writeHead(501).end();
      };
      const client = clientOf(await listen(handle, dialect), dialect);
      for (const days of [1, 2, 24.9, 30, 100]) {
        const error = await rejection(collect(client.repeat({}, { timeoutMs: days * 86_400_000 })));
        expect(error.rawMessage).toContain("HTTP 501");
      }
      expect(timeouts).toEqual(
        dialect.protocol === "connect"
          ? ["86400000", "172800000", "2151360000", "2592000000", "8640000000"]
          : ["86400000m", "172800S", "2151360S", "2592000S", "8640000S"],
      );
    });

    it("are canceled by their signal, and the server's signal aborts", async () => {
      const aborted = Promise.withResolvers<void>();
      const client = await start({
        async *repeat(_request, context) {
          context.signal.addEventListener("abort", () => aborted.resolve());
          yield { message: "x" };
          await new Promise(() => {});
        },
      });
      const controller = new AbortController();
      const error = await rejection(
        (async () => {
          for await (const _ of client.repeat({}, { signal: controller.signal })) {
            controller.abort();
          }
        })(),
      );
      expect(error.code).toBe(Code.Canceled);
      await aborted.promise;
    });

    it("apply backpressure to the server", async () => {
      let sent = 0;
      const client = await start({
        async *repeat() {
          for (; sent < 4_000; sent++) {
            yield { message: incompressible };
          }
        },
      });
      const stream = client.repeat({})[Symbol.asyncIterator]();
      await stream.next();
      let before = -1;
      await vi.waitUntil(
        () => {
          const stands = sent === before;
          before = sent;
          return stands;
        },
        { interval: 300, timeout: 80_000 },
      );
      // The windows' and the sockets' buffers, of 64 MB.
      expect(sent).toBeLessThan(2_000);
      let taken = 1;
      while (!(await stream.next()).done) {
        taken++;
      }
      expect(taken).toBe(4_000);
    }, 120_000);

    it("apply the server's backpressure to the caller, and read nothing once the call has ended", async () => {
      let asked = 0;
      let returned = false;
      async function* endless() {
        try {
          for (;;) {
            asked++;
            yield { message: incompressible };
          }
        } finally {
          returned = true;
        }
      }
      const client = await start({
        join: () => new Promise(() => {}),
      });
      const error = await rejection(client.join(endless(), { timeoutMs: 1_000 }));
      expect([error.code, returned]).toEqual([Code.DeadlineExceeded, true]);
      expect(asked).toBeLessThan(2_000);
      const before = asked;
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(asked).toBe(before);
    });

    it("fail with the error of the caller's iterable, and reset the stream at the server", async () => {
      const ended = Promise.withResolvers<void>();
      const client = await start({
        async join(requests) {
          try {
            return { message: (await collect(requests)).join() };
          } finally {
            ended.resolve();
          }
        },
      });
      async function* broken() {
        yield { message: "a" };
        throw new ConnectError("mine", Code.FailedPrecondition);
      }
      const error = await rejection(client.join(broken()));
      expect([error.code, error.rawMessage]).toEqual([Code.FailedPrecondition, "mine"]);
      await ended.promise;
    });

    it("do not begin with no time left, or after their signal", async () => {
      let begun = 0;
      const client = await start({
        async *repeat() {
          begun++;
          yield { message: "x" };
        },
      });
      expect((await rejection(collect(client.repeat({}, { timeoutMs: 0 })))).code).toBe(Code.DeadlineExceeded);
      expect((await rejection(collect(client.repeat({}, { signal: AbortSignal.abort() })))).code).toBe(Code.Canceled);
      expect(begun).toBe(0);
    });
  });
}

describe("a stream over HTTP/2", () => {
  const grpc: WireTransportOptions = { protocol: "grpc" };

  it("whose server is dead is UNAVAILABLE, not CANCELED", async () => {
    const server = await rawHttp2((stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc+proto" });
      stream.write(Buffer.from([0, 0, 0, 0, 3, 10, 1, 65]));
    });
    closing.push(() => server.close());
    const client = clientOf(server.url, grpc);
    const seen: string[] = [];
    const error = await rejection(
      (async () => {
        for await (const { message } of client.repeat({})) {
          seen.push(message);
          for (const session of server.sessions) {
            session.destroy();
          }
        }
      })(),
    );
    expect([seen, error.code, error.rawMessage]).toEqual([["A"], Code.Unavailable, "the connection was lost"]);
  });

  it("that is aborted while it waits leaves the queue", async () => {
    const held: (() => void)[] = [];
    let begun = 0;
    const server = await rawHttp2(
      (stream) => {
        begun++;
        stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        held.push(() => stream.end());
      },
      { maxConcurrentStreams: 1 },
    );
    closing.push(() => server.close());
    const environment = testEnvironment();
    const pool = new ConnectionPool(environment);
    closing.push(() => pool.close());
    const transport = createWireTransport(pool.channel(server.url, { queueLengthMax: 2 }), environment.clock, grpc);
    const client = createClient(StreamService, transport) as unknown as Streams;
    const first = collect(client.repeat({}));
    await vi.waitUntil(() => begun === 1);
    for (let round = 0; round < 20; round++) {
      const controller = new AbortController();
      const waiting = [1, 2].map(() => rejection(collect(client.repeat({}, { signal: controller.signal }))));
      await new Promise((resolve) => setImmediate(resolve));
      controller.abort();
      for (const error of await Promise.all(waiting)) {
        expect(error.code).toBe(Code.Canceled);
      }
      expect((await rejection(collect(client.repeat({}, { timeoutMs: 5 })))).code).toBe(Code.DeadlineExceeded);
    }
    held[0]?.();
    await first;
    const last = collect(client.repeat({}));
    await vi.waitUntil(() => begun === 2);
    held[1]?.();
    expect(await last).toEqual([]);
  });

  it("that the server refused is unprocessed", async () => {
    const server = await rawHttp2((stream) => stream.close(7));
    closing.push(() => server.close());
    const error = await rejection(collect(clientOf(server.url, grpc).repeat({})));
    expect([error.code, neverSent(error)]).toEqual([Code.Unavailable, true]);
  });
});
