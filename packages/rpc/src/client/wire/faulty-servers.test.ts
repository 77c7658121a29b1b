import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { Code, createClient } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { deliveryStatusOf, neverSent } from "../call/attempt-outcome.ts";
import { rejection, testEnvironment } from "../client-fixture.ts";
import type { ChannelOptions } from "../connection/channel.ts";
import { ConnectionPool } from "../connection/connection-pool.ts";
import { answerOk, rawHttp2, rawTcp, type TestServer } from "./wire-fixture.ts";
import type { WireTransportOptions } from "./wire-options.ts";
import { createWireTransport } from "./wire-transport.ts";

const implementations = ["own", "node"] as const;

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) {
    await close();
  }
});

function client(server: TestServer, options: WireTransportOptions & { readonly connection?: ChannelOptions } = {}) {
  const environment = testEnvironment();
  const pool = new ConnectionPool(environment);
  closing.push(
    () => pool.close(),
    () => server.close(),
  );
  return createClient(
    EchoService,
    createWireTransport(pool.channel(server.url, options.connection), environment.clock, options),
  );
}

const ok = { ":status": 200, "content-type": "application/grpc+proto" } as const;

describe.each(implementations)("malformed gRPC responses, over the HTTP/2 of %s", (http2) => {
  const message = Buffer.from([0, 0, 0, 0, 3, 10, 1, 65]);
  const cases: readonly (readonly [string, (stream: ServerHttp2Stream) => void, Code])[] = [
    ["an HTML page", (stream) => respond(stream, { ":status": 200, "content-type": "text/html" }, "<p>"), Code.Unknown],
    [
      "a 404 page",
      (stream) => respond(stream, { ":status": 404, "content-type": "text/html" }, "<p>"),
      Code.Unimplemented,
    ],
    ["a proxy's 503", (stream) => respond(stream, { ":status": 503 }, ""), Code.Unavailable],
    [
      "another codec",
      (stream) => respond(stream, { ":status": 200, "content-type": "application/grpc+json" }, ""),
      Code.Internal,
    ],
    [
      "gRPC-Web",
      (stream) => respond(stream, { ":status": 200, "content-type": "application/grpc-web+proto" }, ""),
      Code.Unknown,
    ],
    ["no trailers", (stream) => respond(stream, ok, message), Code.Internal],
    ["an end without headers", (stream) => stream.close(constants.NGHTTP2_NO_ERROR), Code.Internal],
    ["a grpc-status that is not a number", (stream) => finish(stream, message, { "grpc-status": "abc" }), Code.Unknown],
    ["OK without a message", (stream) => finish(stream, Buffer.alloc(0), { "grpc-status": "0" }), Code.Unimplemented],
    [
      "two messages",
      (stream) => finish(stream, Buffer.concat([message, message]), { "grpc-status": "0" }),
      Code.Unimplemented,
    ],
    [
      "a truncated message",
      (stream) => finish(stream, message.subarray(0, 6), { "grpc-status": "0" }),
      Code.InvalidArgument,
    ],
    [
      "a truncated envelope",
      (stream) => finish(stream, message.subarray(0, 3), { "grpc-status": "0" }),
      Code.InvalidArgument,
    ],
    [
      "an undecodable message",
      (stream) => finish(stream, Buffer.from([0, 0, 0, 0, 2, 255, 255]), { "grpc-status": "0" }),
      Code.Internal,
    ],
    [
      "an unsupported compression",
      (stream) => finish(stream, message, { "grpc-status": "0" }, { "grpc-encoding": "br" }),
      Code.Internal,
    ],
    [
      "a compressed message without an encoding",
      (stream) => finish(stream, Buffer.from([1, 0, 0, 0, 0]), { "grpc-status": "0" }),
      Code.Internal,
    ],
    ["unknown flags", (stream) => finish(stream, Buffer.from([2, 0, 0, 0, 0]), { "grpc-status": "0" }), Code.Internal],
    [
      "a length beyond the limit",
      (stream) => finish(stream, Buffer.from([0, 255, 0, 0, 0, 1]), { "grpc-status": "0" }),
      Code.ResourceExhausted,
    ],
    [
      "an error with a message",
      (stream) => finish(stream, message, { "grpc-status": "5", "grpc-message": "gone" }),
      Code.NotFound,
    ],
    [
      "an error in headers alone",
      (stream) => stream.respond({ ...ok, "grpc-status": "9" }, { endStream: true }),
      Code.FailedPrecondition,
    ],
    ["a reset with INTERNAL_ERROR", (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR), Code.Internal],
    ["a reset with CANCEL", (stream) => stream.close(constants.NGHTTP2_CANCEL), Code.Canceled],
    [
      "a reset with ENHANCE_YOUR_CALM",
      (stream) => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM),
      Code.ResourceExhausted,
    ],
  ];
  for (const [name, answer, code] of cases) {
    it(`${name}: ${Code[code]}`, async () => {
      const server = await rawHttp2((stream, _session, index) => (index === 0 ? answer(stream) : answerOk(stream)));
      const echo = client(server, { connection: { http2 } });
      expect((await rejection(echo.echo({}, { timeoutMs: 5000 }))).code).toBe(code);
      // The next call on the same connection still works.
      await echo.echo({}, { timeoutMs: 5000 });
      expect(server.sessionCount()).toBe(1);
    });
  }

  it("headers beyond the limit end the call, not the process", async () => {
    const server = await rawHttp2((stream, _session, index) =>
      index === 0 ? respond(stream, { ...ok, "x-big": "y".repeat(40_000) }, "") : answerOk(stream),
    );
    const echo = client(server, { connection: { http2 } });
    await rejection(echo.echo({}, { timeoutMs: 3000 }));
    await echo.echo({}, { timeoutMs: 3000 });
  });

  it("an endless body is cut off at the limit", async () => {
    const server = await rawHttp2((stream) => {
      stream.respond(ok);
      const write = () => {
        while (!stream.destroyed && stream.write(Buffer.alloc(65_536))) {}
      };
      stream.on("drain", write);
      write();
    });
    const error = await rejection(
      client(server, { connection: { http2 }, readBytesMax: 200_000 }).echo({}, { timeoutMs: 10_000 }),
    );
    expect(error.code).toBe(Code.ResourceExhausted);
  });
});

describe.each(implementations)("a server that stops, over the HTTP/2 of %s", (http2) => {
  it("refuses a stream: UNAVAILABLE, known to be unprocessed", async () => {
    const server = await rawHttp2((stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM));
    const error = await rejection(client(server, { connection: { http2 } }).echo({}, { timeoutMs: 5000 }));
    expect([error.code, deliveryStatusOf(error), neverSent(error)]).toEqual([Code.Unavailable, "refused", true]);
  });

  const goaways: readonly (readonly [
    string,
    (stream: ServerHttp2Stream, session: ServerHttp2Session) => void,
    "ok" | "refused" | "lost",
  ])[] = [
    [
      "GOAWAY before the answer lets the call finish",
      (stream, session) => {
        session.goaway(constants.NGHTTP2_NO_ERROR, stream.id);
        setTimeout(() => answerOk(stream), 20);
      },
      "ok",
    ],
    [
      "GOAWAY between headers and message lets the call finish",
      (stream, session) => {
        stream.respond(ok, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        session.goaway(constants.NGHTTP2_NO_ERROR, stream.id);
        setTimeout(() => stream.end(Buffer.alloc(5)), 20);
      },
      "ok",
    ],
    [
      "close() in the middle lets the call finish",
      (stream, session) => {
        session.close();
        setTimeout(() => answerOk(stream), 20);
      },
      "ok",
    ],
    [
      "GOAWAY below the call refuses it",
      (_stream, session) => session.goaway(constants.NGHTTP2_NO_ERROR, 1),
      "refused",
    ],
    [
      "GOAWAY with an error, below the call, refuses it",
      (_stream, session) => session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 1),
      "refused",
    ],
    [
      "GOAWAY with an error, above the call, breaks it",
      (stream, session) => session.goaway(constants.NGHTTP2_INTERNAL_ERROR, stream.id),
      "lost",
    ],
    ["a destroyed session breaks the call", (_stream, session) => session.destroy(), "lost"],
    [
      "a connection cut after the headers breaks the call",
      (stream, session) => {
        stream.respond(ok);
        setTimeout(() => session.destroy(), 20);
      },
      "lost",
    ],
    [
      "a connection cut within the message breaks the call",
      (stream, session) => {
        stream.respond(ok);
        stream.write(Buffer.from([0, 0]));
        setTimeout(() => session.destroy(), 20);
      },
      "lost",
    ],
  ];
  for (const [name, act, outcome] of goaways) {
    it(`${name}; the next call gets a new connection`, async () => {
      const server = await rawHttp2((stream, session, index) =>
        index === 1 ? act(stream, session) : answerOk(stream),
      );
      const echo = client(server, { connection: { http2 } });
      await echo.echo({}, { timeoutMs: 5000 });
      const second = echo.echo({}, { timeoutMs: 5000 });
      if (outcome === "ok") {
        await second;
      } else {
        const error = await rejection(second);
        expect([error.code, deliveryStatusOf(error)]).toEqual([Code.Unavailable, outcome]);
      }
      await echo.echo({}, { timeoutMs: 5000 });
      expect(server.sessionCount()).toBe(2);
    });
  }

  it("GOAWAY on an idle connection has no effect", async () => {
    const server = await rawHttp2((stream) => answerOk(stream));
    const echo = client(server, { connection: { http2 } });
    for (let rounds = 0; rounds < 5; rounds++) {
      await echo.echo({}, { timeoutMs: 5000 });
      for (const session of server.sessions) {
        session.goaway();
        session.close();
      }
      // The client has received GOAWAY once it has closed its end.
      await vi.waitFor(() => expect([...server.sessions].every((session) => session.destroyed)).toBe(true), 5_000);
    }
    expect(server.sessionCount()).toBe(5);
  });

  it("no call is lost while connections are closed gracefully under load", async () => {
    const server = await rawHttp2((stream) => answerOk(stream));
    const echo = client(server, { connection: { http2 } });
    let failed = 0;
    let going = true;
    const load = Promise.all(
      Array.from({ length: 20 }, async () => {
        while (going) {
          await echo.echo({}, { timeoutMs: 5000 }).catch((error) => {
            // Refused calls may be retried; only uncertain ones are lost.
            failed += neverSent(error) ? 0 : 1;
            return new Promise((resolve) => setTimeout(resolve, 1));
          });
        }
      }),
    );
    for (let rounds = 0; rounds < 20; rounds++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      for (const session of server.sessions) {
        session.close();
      }
    }
    going = false;
    await load;
    expect(failed).toBe(0);
    expect(server.sessionCount()).toBeGreaterThan(5);
  });
});

describe("a server that does not answer", () => {
  it("fails the call at the deadline, also while connecting", async () => {
    const server = await rawTcp(() => {});
    const error = await rejection(client(server).echo({}, { timeoutMs: 100 }));
    expect([error.code, neverSent(error)]).toEqual([Code.DeadlineExceeded, true]);
  });

  it("without HTTP/2 is UNAVAILABLE", async () => {
    const server = await rawTcp((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const error = await rejection(client(server).echo({}, { timeoutMs: 5000 }));
    expect([error.code, neverSent(error)]).toEqual([Code.Unavailable, true]);
  });

  it("is detected by a PING, and the next call uses a new connection", async () => {
    // A connection that stays open without a reader, as after a machine is unplugged.
    const backend = await rawHttp2((stream) => answerOk(stream));
    const { connect } = await import("node:net");
    let frozen = false;
    let connections = 0;
    const proxy = await rawTcp((socket) => {
      connections++;
      const mine = connections;
      const upstream = connect(backend.port, "127.0.0.1");
      upstream.on("error", () => {});
      socket.on("data", (bytes) => (frozen && mine === 1 ? undefined : upstream.write(bytes)));
      upstream.on("data", (bytes) => (frozen && mine === 1 ? undefined : socket.write(bytes)));
      socket.on("close", () => upstream.destroy());
    });
    closing.push(() => backend.close());
    const echo = client(proxy, { connection: { pingTimeoutMs: 100 } });
    await echo.echo({}, { timeoutMs: 5000 });
    frozen = true;
    expect((await rejection(echo.echo({}, { timeoutMs: 50 }))).code).toBe(Code.DeadlineExceeded);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await echo.echo({}, { timeoutMs: 5000 });
    expect(connections).toBe(2);
  });
});

describe("bytes that are not HTTP/2", () => {
  it("never crash the process, and every call ends", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 0, maxLength: 200 }), fc.boolean(), async (bytes, afterSettings) => {
        const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
        const server = await rawTcp((socket) => {
          socket.write(afterSettings ? Buffer.concat([settings, bytes]) : bytes);
          socket.resume();
        });
        const error = await rejection(
          client(server, { connection: { connectTimeoutMs: 60 } }).echo({}, { timeoutMs: 80 }),
        );
        await server.close();
        expect([
          Code.Unavailable,
          Code.DeadlineExceeded,
          Code.Internal,
          Code.Canceled,
          Code.ResourceExhausted,
          Code.PermissionDenied,
          Code.Unknown,
        ]).toContain(error.code);
      }),
      { numRuns: 25 },
    );
  });
});

function respond(stream: ServerHttp2Stream, headers: Record<string, string | number>, body: string | Buffer): void {
  stream.respond(headers);
  stream.end(body);
}

function finish(
  stream: ServerHttp2Stream,
  body: Buffer,
  trailers: Record<string, string>,
  more: Record<string, string> = {},
): void {
  stream.respond({ ...ok, ...more }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end(body);
}
