import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  create,
  createFileRegistry,
  type DescMethod,
  type DescMethodStreaming,
  type DescService,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, createClient, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { EchoService, file_echo_v1_echo_service } from "@parley/gen/echo/v1/echo_service_pb.js";
import { afterEach, describe, expect, it } from "vitest";
import { StreamService, serveEcho } from "../server/echo-fixture.ts";
import { implement } from "../server/pipeline/service-module.ts";
import { rejection, testEnvironment, unavailable } from "./client-fixture.ts";
import { ConnectionPool } from "./connection/connection-pool.ts";
import { createServiceClient, createServiceTransport } from "./service-client.ts";
import { stockServer } from "./wire/wire-fixture.ts";

/** A stream with a retry policy, which none of the contracts has: Repeat of the test's contract with the options of Echo. */
const RepeatService = withOptionsOf(EchoService.method.echo);

function withOptionsOf(method: DescMethod): DescService {
  const request = ".echo.v1.EchoRequest";
  const response = ".echo.v1.EchoResponse";
  const options = method.proto.options;
  const file = create(FileDescriptorProtoSchema, {
    name: "test/v1/repeat.proto",
    package: "test.v1",
    syntax: "proto3",
    dependency: [file_echo_v1_echo_service.proto.name],
    service: [
      {
        name: "RepeatService",
        method: [
          {
            name: "Repeat",
            inputType: request,
            outputType: response,
            serverStreaming: true,
            ...(options === undefined ? {} : { options }),
          },
        ],
      },
    ],
  });
  const service = createFileRegistry(file, () => file_echo_v1_echo_service).getService("test.v1.RepeatService");
  if (service === undefined) {
    throw new Error("the test's contract has no service");
  }
  return service;
}

const closing: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) {
    await close();
  }
});

function world() {
  const environment = testEnvironment();
  const pool = new ConnectionPool(environment);
  closing.push(() => pool.close());
  return { environment, pool };
}

describe("a client and our own server", () => {
  it("work together, and the server learns the caller", async () => {
    const { server, url } = await serveEcho();
    closing.push(() => server.close());
    const echo = createServiceClient(EchoService, url, { ...world(), callerName: "test" });
    expect((await echo.echo({ message: "hello" })).message).toBe("hello");
  });

  it("lose no call when a server drains: the client uses the next one", async () => {
    const first = await serveEcho();
    const second = await serveEcho();
    closing.push(() => second.server.close());
    const echo = createServiceClient(EchoService, `${first.url},${second.url}`, world());
    const failed: unknown[] = [];
    let going = true;
    const load = Promise.all(
      Array.from({ length: 10 }, async () => {
        while (going) {
          await echo.echo({ message: "x" }).catch((error) => failed.push(error));
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    await first.server.close();
    const answeredBefore = second.calls().length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    going = false;
    await load;
    expect(failed).toEqual([]);
    expect(second.calls().length).toBeGreaterThan(answeredBefore);
  });
});

describe("streams", () => {
  const messages = ["a", "b", "c"];
  async function* sent() {
    for (const message of messages) {
      yield { message };
    }
  }

  it("run both ways over the same connection as unary calls", async () => {
    const entry = implement(StreamService, {
      async *repeat({ message }: { message: string }) {
        yield* messages.map((more) => ({ message: message + more }));
      },
      async join(requests: AsyncIterable<{ message: string }>) {
        let all = "";
        for await (const { message } of requests) {
          all += message;
        }
        return { message: all };
      },
      async *chat(requests: AsyncIterable<{ message: string }>) {
        for await (const { message } of requests) {
          yield { message: message.toUpperCase() };
        }
      },
    } as never);
    const { server, url } = await serveEcho({ entries: [entry] });
    closing.push(() => server.close());
    const { environment, pool } = world();
    const transport = createServiceTransport(url, { environment, pool });
    const streams = createClient(StreamService, transport) as unknown as {
      repeat(request: object): AsyncIterable<{ message: string }>;
      join(requests: AsyncIterable<object>): Promise<{ message: string }>;
      chat(requests: AsyncIterable<object>): AsyncIterable<{ message: string }>;
    };
    const collect = async (stream: AsyncIterable<{ message: string }>) => {
      const all: string[] = [];
      for await (const { message } of stream) {
        all.push(message);
      }
      return all;
    };
    expect(await collect(streams.repeat({ message: "x" }))).toEqual(["xa", "xb", "xc"]);
    expect((await streams.join(sent())).message).toBe("abc");
    expect(await collect(streams.chat(sent()))).toEqual(["A", "B", "C"]);
    expect(await environment.metrics.metrics()).toMatch(/grpc_client_call_duration_seconds_count\{.*Repeat.*"OK"\} 1/);
  });

  it("of a server are retried if the contract allows it, until their first message", async () => {
    let begun = 0;
    const entry = implement(RepeatService, {
      async *repeat({ message }: { message: string }) {
        begun++;
        if (begun === 1) {
          throw unavailable();
        }
        yield { message: `${message}${begun}` };
        throw unavailable();
      },
    } as never);
    const { server, url } = await serveEcho({ entries: [entry] });
    closing.push(() => server.close());
    const client = createClient(RepeatService, createServiceTransport(url, world())) as unknown as {
      repeat(request: object): AsyncIterable<{ message: string }>;
    };
    const seen: string[] = [];
    const failed = rejection(
      (async () => {
        for await (const { message } of client.repeat({ message: "x" })) {
          seen.push(message);
        }
      })(),
    );
    expect(String(await failed)).toContain("unavailable");
    expect([begun, seen]).toEqual([2, ["x2"]]);
  });

  it("are canceled, and counted so, if the caller stops reading", async () => {
    const aborted = Promise.withResolvers<void>();
    const entry = implement(StreamService, {
      async *repeat(_request: object, context: HandlerContext) {
        context.signal.addEventListener("abort", () => aborted.resolve());
        yield { message: "a" };
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      },
    } as never);
    const { server, url } = await serveEcho({ entries: [entry] });
    closing.push(() => server.close());
    const { environment, pool } = world();
    const transport = createServiceTransport(url, { environment, pool });
    const method = StreamService.method.repeat as DescMethodStreaming;
    async function* request() {
      yield {};
    }
    const response = await transport.stream(method, undefined, undefined, undefined, request());
    for await (const _ of response.message) {
      break;
    }
    await aborted.promise;
    expect(await environment.metrics.metrics()).toMatch(
      /grpc_client_call_duration_seconds_count\{.*Repeat.*"CANCELLED"\} 1/,
    );
  });

  it("fail at once if the target is down, and name it", async () => {
    const gone = await stockServer(() => ({}), "2");
    await gone.close();
    const transport = createServiceTransport(gone.url, world());
    const streams = createClient(StreamService, transport) as unknown as {
      join(requests: AsyncIterable<object>): Promise<unknown>;
    };
    const error = await rejection(streams.join(sent()));
    expect([error.code, error.rawMessage]).toEqual([Code.Unavailable, expect.stringContaining(gone.url)]);
  });
});

describe("interceptors", () => {
  it("run around a call once whatever its attempts, the first outermost, and may change the request", async () => {
    let calls = 0;
    let seen: string | null = null;
    const server = await stockServer((_request, { requestHeader }) => {
      seen = requestHeader.get("x-who");
      if (++calls < 3) {
        throw unavailable();
      }
      return { message: "third" };
    }, "2");
    closing.push(() => server.close());
    const order: string[] = [];
    const named =
      (name: string): Interceptor =>
      (next) =>
      async (request) => {
        order.push(name);
        request.header.set("x-who", name);
        return next(request);
      };
    const echo = createServiceClient(EchoService, server.url, {
      ...world(),
      interceptors: [named("outer"), named("inner")],
    });
    expect((await echo.echo({})).message).toBe("third");
    expect([order, seen, calls]).toEqual([["outer", "inner"], "inner", 3]);
  });

  it("keep a call's deadline", async () => {
    const server = await stockServer(() => new Promise(() => {}), "2");
    closing.push(() => server.close());
    const echo = createServiceClient(EchoService, server.url, {
      ...world(),
      interceptors: [(next) => (request) => next(request)],
    });
    expect((await rejection(echo.echo({}, { timeoutMs: 80 }))).code).toBe(Code.DeadlineExceeded);
  });
});

describe("TLS", () => {
  it("trusts only the configured CA, and sends its certificate", async () => {
    const folder = mkdtempSync(join(tmpdir(), "parley-tls-"));
    closing.push(() => rmSync(folder, { recursive: true }));
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
    const kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
    execFileSync("openssl", [...kind, ...names, ...files], { stdio: "ignore" });
    const key = readFileSync(join(folder, "key.pem"), "utf8");
    const cert = readFileSync(join(folder, "cert.pem"), "utf8");
    let authorized: boolean | undefined;
    const handler = connectNodeAdapter({
      routes: (router) => router.service(EchoService, { echo: ({ message }) => ({ message }) }),
    });
    const server = createSecureServer(
      { key, cert, ca: cert, requestCert: true, rejectUnauthorized: false, allowHTTP1: true },
      handler,
    );
    server.on("session", (session) => {
      authorized = (session.socket as { authorized?: boolean }).authorized;
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => server.close());
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    const { environment, pool } = world();
    const trusting = { environment, pool, connection: { tls: { ca: cert, cert, key } } };
    expect((await createServiceClient(EchoService, url, trusting).echo({ message: "h2" })).message).toBe("h2");
    expect(authorized).toBe(true);
    const overHttp1 = createServiceClient(EchoService, url, { ...trusting, protocol: "connect", httpVersion: "1.1" });
    expect((await overHttp1.echo({ message: "h1" })).message).toBe("h1");
    const strangers = createServiceClient(EchoService, url, { ...world() });
    expect((await rejection(strangers.echo({}, { timeoutMs: 900 }))).code).toBe(Code.Unavailable);
    pool.close();
  });
});
