import { once } from "node:events";
import { type Agent, request as http1Request } from "node:http";
import { connect as http2Connect } from "node:http2";
import { Code, ConnectError, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import { array, assert as assertProperty, asyncProperty, constantFrom, record } from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EchoServer, StreamService, serveEcho } from "../echo-fixture.ts";
import { implement } from "./service-module.ts";

interface Message {
  readonly message: string;
}

/** The calls that began although they should not. */
let begunCount = 0;

/** The implementation's behaviour, selected by the request's message. */
async function behave(message: string, context: HandlerContext): Promise<Message> {
  switch (message) {
    case "not begun":
      begunCount++;
      return { message };
    case "hang":
      return new Promise(() => {});
    case "late":
      // Ignores its signal, and works beyond its deadline.
      await new Promise((resolve) => setTimeout(resolve, 30));
      return { message };
    case "throw":
      throw new Error("broken");
    case "refuse":
      throw new ConnectError("no", Code.FailedPrecondition);
    case "bad header":
      context.responseHeader.set("x-note", "a\u0001b");
      return { message };
    case "bad trailer":
      context.responseTrailer.set("x-note", "a\u0001b");
      return { message };
    case "bad metadata":
      throw new ConnectError("no", Code.Aborted, { "x-note": "a\u0001b" });
    case "huge":
      return { message: "x".repeat(5_000) };
    case "unencodable":
      return { message: 7 as unknown as string };
    default:
      return { message };
  }
}

const streams = implement(StreamService, {
  async *repeat({ message }: Message, context: HandlerContext) {
    yield { message: "first" };
    yield await behave(message, context);
  },
  async join(requests: AsyncIterable<Message>, context: HandlerContext) {
    for await (const { message } of requests) {
      return behave(message, context);
    }
    return { message: "none" };
  },
  async *chat(requests: AsyncIterable<Message>, context: HandlerContext) {
    for await (const { message } of requests) {
      yield await behave(message, context);
    }
  },
} as never);

const interceptor: Interceptor = (next) => async (request) => {
  if (request.header.get("x-intercept") === "throw") {
    throw new Error("the interceptor broke");
  }
  return next(request);
};

const paths = {
  unary: "/echo.v1.EchoService/Echo",
  "server stream": "/test.v1.StreamService/Repeat",
  "client stream": "/test.v1.StreamService/Join",
  "bidi stream": "/test.v1.StreamService/Chat",
} as const;

const behaviours = [
  "ok",
  "hang",
  "late",
  "throw",
  "refuse",
  "bad header",
  "bad trailer",
  "bad metadata",
  "huge",
  "unencodable",
  "invalid",
  "undecodable",
] as const;

/** The caller's action once the request is in flight. */
const departures = ["waits", "cancels", "loses the connection", "stops inside the body"] as const;

const timeouts = ["none", "0", "1", "20"] as const;

interface Attempt {
  readonly kind: keyof typeof paths;
  readonly protocol: "grpc" | "connect" | "json over HTTP/1.1";
  readonly behaviour: (typeof behaviours)[number] | "not begun";
  readonly departure: (typeof departures)[number];
  readonly timeout: (typeof timeouts)[number];
  readonly intercept: boolean;
}

function bodyOf({ behaviour, kind, protocol }: Attempt): Buffer {
  const text = behaviour === "invalid" ? "x".repeat(4_097) : behaviour;
  const proto = protocol === "grpc";
  const length = Buffer.byteLength(text);
  const message =
    behaviour === "undecodable"
      ? Buffer.from([0xff, 0xff, 0xff])
      : proto
        ? Buffer.from([
            0x0a,
            (length & 0x7f) | (length > 127 ? 0x80 : 0),
            ...(length > 127 ? [length >> 7] : []),
            ...Buffer.from(text),
          ])
        : Buffer.from(JSON.stringify({ message: text }));
  if (!proto && kind === "unary") {
    return message;
  }
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function headersOf({ kind, protocol, timeout, intercept }: Attempt): Record<string, string> {
  const contentType =
    protocol === "grpc" ? "application/grpc+proto" : kind === "unary" ? "application/json" : "application/connect+json";
  return {
    "content-type": contentType,
    ...(timeout === "none"
      ? {}
      : protocol === "grpc"
        ? { "grpc-timeout": timeout === "0" ? "0n" : `${timeout}m`, te: "trailers" }
        : { "connect-timeout-ms": timeout }),
    ...(intercept ? { "x-intercept": "throw" } : {}),
  };
}

/** Makes the call, and resolves once the caller has its response or has cancelled. A call that hangs is cancelled after 60 ms. */
async function make(url: string, attempt: Attempt): Promise<void> {
  const { departure } = attempt;
  const body = bodyOf(attempt);
  const sent = departure === "stops inside the body" ? body.subarray(0, Math.ceil(body.length / 2)) : body;
  const patience = () => new Promise((resolve) => setTimeout(resolve, 60));
  if (attempt.protocol === "json over HTTP/1.1") {
    const request = http1Request(url + paths[attempt.kind], {
      method: "POST",
      headers: { ...headersOf(attempt), "content-length": body.length },
      agent: false as unknown as Agent,
    });
    const answered = new Promise<void>((resolve) => {
      request.on("error", () => resolve());
      request.on("response", (response) =>
        response
          .resume()
          .on("close", () => resolve())
          .on("error", () => {}),
      );
    });
    request.write(sent);
    if (departure === "waits") {
      request.end();
      await Promise.race([answered, patience()]);
    } else {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    request.destroy();
    return;
  }
  const session = http2Connect(url);
  session.on("error", () => {});
  const stream = session.request({ ":method": "POST", ":path": paths[attempt.kind], ...headersOf(attempt) });
  stream.on("error", () => {});
  const answered = once(stream.resume(), "close").catch(() => {});
  stream.write(sent);
  if (departure === "waits") {
    stream.end();
    await Promise.race([answered, patience()]);
  } else {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  if (departure !== "loses the connection") {
    stream.close(8);
    await answered;
  }
  session.destroy();
}

const plain = { departure: "waits", timeout: "none", intercept: false } as const;

/** The response over HTTP/2 to a request with this timeout: its body, and the gRPC status. */
async function answerOf(url: string, attempt: Attempt, timeout: string): Promise<{ text: string; status: string }> {
  const session = http2Connect(url);
  const stream = session.request({
    ":method": "POST",
    ":path": paths[attempt.kind],
    ...headersOf(attempt),
    ...(attempt.protocol === "grpc"
      ? { "grpc-timeout": timeout === "0" ? "0n" : timeout, te: "trailers" }
      : { "connect-timeout-ms": timeout }),
  });
  let text = "";
  let status = "";
  stream.on("data", (chunk) => {
    text += chunk;
  });
  stream.on("response", (headers) => {
    status = String(headers["grpc-status"] ?? "");
  });
  stream.on("trailers", (headers) => {
    status = String(headers["grpc-status"]);
  });
  stream.end(bodyOf(attempt));
  await once(stream, "close");
  session.destroy();
  return { text, status };
}

async function counts({ environment }: EchoServer): Promise<Record<string, number>> {
  const text = await environment.metrics.metrics();
  const lines = text.matchAll(/^(parley_server_(?:calls_in_flight|places_taken)\S*) (\S+)$/gm);
  return Object.fromEntries([...lines].map(([, name, value]) => [name, Number(value)]));
}

async function expectNothingLeft(server: EchoServer): Promise<void> {
  await expect
    .poll(async () => Object.values(await counts(server)).filter((count) => count !== 0), { timeout: 10_000 })
    .toEqual([]);
}

describe.each(["own", "stock"] as const)("the end of a call releases its place, on the %s path", (rpcPath) => {
  let server: EchoServer;
  beforeAll(async () => {
    server = await serveEcho({
      echo: ({ message }, context) => behave(message, context),
      entries: [streams],
      interceptors: [interceptor],
      config: { rpcPath, drainNoticeMs: 0, shutdownGraceMs: 3_000, limits: { responseBytesMax: 4_500 } },
    });
  });
  afterAll(() => server.server.close().catch(() => {}));

  it("in random combinations of kinds, protocols, failures and cancellations", async () => {
    const attempts = record<Attempt>({
      kind: constantFrom(...(Object.keys(paths) as Attempt["kind"][])),
      protocol: constantFrom<Attempt["protocol"][]>("grpc", "connect", "json over HTTP/1.1"),
      behaviour: constantFrom(...behaviours),
      departure: constantFrom(...departures, "waits", "waits"),
      timeout: constantFrom(...timeouts, "none"),
      intercept: constantFrom(false, false, false, true),
    });
    await assertProperty(
      asyncProperty(array(attempts, { minLength: 8, maxLength: 16 }), async (round) => {
        await Promise.all(round.map((attempt) => make(server.url, attempt)));
        await expectNothingLeft(server);
      }),
      { numRuns: 25 },
    );
  }, 120_000);

  it("at a deadline that has passed before the call arrives, which is not begun", async () => {
    for (const kind of Object.keys(paths) as Attempt["kind"][]) {
      for (const protocol of ["grpc", "connect"] as const) {
        const { text, status } = await answerOf(server.url, { ...plain, kind, protocol, behaviour: "not begun" }, "0");
        expect([kind, protocol, protocol === "grpc" ? status : text]).toEqual([
          kind,
          protocol,
          protocol === "grpc" ? "4" : expect.stringContaining("deadline_exceeded"),
        ]);
      }
    }
    expect(begunCount).toBe(0);
    await expectNothingLeft(server);
  });

  it("and not at once at a deadline that is too long for one timer", async () => {
    const timeouts = { grpc: ["597H", "2592000S", "99999999M", "99999999H"], connect: ["2147483648", "9999999999"] };
    for (const kind of Object.keys(paths) as Attempt["kind"][]) {
      for (const protocol of ["grpc", "connect"] as const) {
        for (const timeout of timeouts[protocol]) {
          const { text, status } = await answerOf(server.url, { ...plain, kind, protocol, behaviour: "late" }, timeout);
          const outcome = [kind, timeout, text.includes("late"), /deadline|error/.test(text), status];
          expect(outcome).toEqual([kind, timeout, true, false, protocol === "grpc" ? "0" : ""]);
        }
      }
    }
    await expectNothingLeft(server);
  });

  it("in a drain", async () => {
    const hangs = (Object.keys(paths) as Attempt["kind"][]).map((kind) => {
      const session = http2Connect(server.url);
      session.on("error", () => {});
      const attempt = {
        kind,
        protocol: "grpc",
        behaviour: "hang",
        departure: "waits",
        timeout: "none",
        intercept: false,
      };
      const stream = session.request({ ":method": "POST", ":path": paths[kind], ...headersOf(attempt as Attempt) });
      stream.on("error", () => {});
      stream.resume().end(bodyOf(attempt as Attempt));
      return once(stream, "close").catch(() => {});
    });
    await expect.poll(async () => (await counts(server)).parley_server_calls_in_flight).toBe(hangs.length);
    // The unary call ends at its deadline, or is aborted at the end of the grace period.
    await server.server.close().catch(() => {});
    await Promise.all(hangs);
    await expectNothingLeft(server);
  }, 20_000);
});
