import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { type ClientHttp2Stream, connect, constants } from "node:http2";
import { connect as connectTcp } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { EchoRequestSchema, EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { afterEach, describe, expect, it } from "vitest";
import { systemEnvironment } from "../../environment/system-environment.ts";
import { encodeEnvelope, readEnvelope } from "../../protocol/envelope.ts";
import { implement } from "../pipeline/service-module.ts";
import { type RunningServer, type ServeOptions, serve } from "../serve.ts";

const path = "/echo.v1.EchoService/Echo";
const running: RunningServer[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

type Echo = (request: { readonly message: string }, context: HandlerContext) => unknown;

async function start(echo: Echo, options: Partial<ServeOptions> = {}): Promise<string> {
  const environment = systemEnvironment({ name: "unary", logLevel: "silent", logFormat: "json" });
  const { config, ...rest } = options;
  const server = await serve(
    { entries: [implement(EchoService, { echo: echo as never })] },
    { name: "unary", environment, config: { shutdownGraceMs: 100, ...config }, ...rest },
  );
  running.push(server);
  return server.url;
}

function transports(baseUrl: string) {
  return {
    "gRPC over HTTP/2": createGrpcTransport({ baseUrl }),
    "gRPC-Web over HTTP/2": createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
    "gRPC-Web over HTTP/1.1": createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
    "Connect binary over HTTP/2": createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true }),
    "Connect JSON over HTTP/1.1": createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
    "Connect GET over HTTP/1.1": createConnectTransport({ baseUrl, httpVersion: "1.1", useHttpGet: true }),
  };
}

function framed(message: string): Buffer {
  return encodeEnvelope(0, toBinary(EchoRequestSchema, create(EchoRequestSchema, { message })));
}

/** Opens a gRPC call on a new connection. */
function openGrpc(url: string, headers: Record<string, string> = {}): ClientHttp2Stream {
  const session = connect(url);
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  stream.on("error", () => {});
  stream.on("close", () => session.close());
  return stream;
}

async function grpcStatus(stream: ClientHttp2Stream): Promise<string | undefined> {
  let status: string | undefined;
  const take = (headers: Record<string, unknown>) => {
    status ??= headers["grpc-status"] as string | undefined;
  };
  stream.on("response", take);
  stream.on("trailers", take);
  stream.resume();
  await once(stream, "close");
  return status;
}

describe("a unary call", () => {
  const names = Object.keys(transports("http://localhost"));

  it.each(names)("carries text and binary metadata in both directions: %s", async (name) => {
    const url = await start((request, context) => {
      context.responseHeader.set("x-header", context.requestHeader.get("x-given") ?? "");
      context.responseHeader.set("x-header-bin", "AAEC");
      context.responseTrailer.set("x-trailer", `${context.requestMethod} ${context.protocolName}`);
      context.responseTrailer.set("x-trailer-bin", "/w");
      return { message: request.message };
    });
    const client = createClient(EchoService, transports(url)[name as never]);
    let header = new Headers();
    let trailer = new Headers();
    const answer = await client.echo(
      { message: "snow ☃" },
      {
        headers: { "x-given": "given" },
        onHeader: (value) => {
          header = value;
        },
        onTrailer: (value) => {
          trailer = value;
        },
      },
    );
    expect(answer.message).toBe("snow ☃");
    expect([header.get("x-header"), header.get("x-header-bin")]).toEqual(["given", "AAEC"]);
    expect(trailer.get("x-trailer")).toBe(
      `${name.includes("GET") ? "GET" : "POST"} ${name.split(" ")[0]?.toLowerCase()}`,
    );
    expect(trailer.get("x-trailer-bin")).toBe("/w");
  });

  it.each(names)("ends at its deadline although the implementation continues: %s", async (name) => {
    let reason: unknown;
    const url = await start(async (_request, context) => {
      context.signal.addEventListener("abort", () => {
        reason = context.signal.reason;
      });
      await wait(6_000);
      return {};
    });
    const client = createClient(EchoService, transports(url)[name as never]);
    const startMs = performance.now();
    // Only in the headers, so that the server ends the call, not the client. Long enough for a busy machine to start it.
    const headers = { "grpc-timeout": "400m", "connect-timeout-ms": "400" };
    const error = await client.echo({}, { headers }).catch((thrown: unknown) => ConnectError.from(thrown));
    expect(error).toMatchObject({ code: Code.DeadlineExceeded });
    expect(performance.now() - startMs).toBeLessThan(5_000);
    await expect.poll(() => ConnectError.from(reason).code, { timeout: 5_000 }).toBe(Code.DeadlineExceeded);
  });

  it("is aborted when its HTTP/2 stream is reset", async () => {
    const aborted = Promise.withResolvers<unknown>();
    const started = Promise.withResolvers<void>();
    const url = await start(async (_request, context) => {
      started.resolve();
      context.signal.addEventListener("abort", () => aborted.resolve(context.signal.reason));
      await wait(5_000, undefined, { signal: context.signal });
    });
    const stream = openGrpc(url);
    stream.end(framed("a"));
    await started.promise;
    stream.close(constants.NGHTTP2_CANCEL);
    expect(await aborted.promise).toMatchObject({ code: Code.Canceled });
  });

  it("is aborted when its HTTP/1.1 connection is closed", async () => {
    const aborted = Promise.withResolvers<unknown>();
    const started = Promise.withResolvers<void>();
    const url = await start(async (_request, context) => {
      started.resolve();
      context.signal.addEventListener("abort", () => aborted.resolve(context.signal.reason));
      await wait(5_000, undefined, { signal: context.signal });
    });
    const request = httpRequest(url + path, { method: "POST", headers: { "content-type": "application/json" } });
    request.on("error", () => {});
    request.end("{}");
    await started.promise;
    request.destroy();
    expect(await aborted.promise).toMatchObject({ code: Code.Canceled });
  });

  it("ends at its deadline if its body is never complete", async () => {
    const url = await start(({ message }) => ({ message }));
    const stream = openGrpc(url, { "grpc-timeout": "80m" });
    stream.write(framed("abc").subarray(0, 6));
    expect(await grpcStatus(stream)).toBe(String(Code.DeadlineExceeded));
  });

  it("ends with DEADLINE_EXCEEDED if its body pauses for too long", async () => {
    const url = await start(() => ({}), { config: { limits: { bodyIdleTimeoutMs: 60 } } });
    const stream = openGrpc(url);
    stream.write(framed("abc").subarray(0, 6));
    expect(await grpcStatus(stream)).toBe(String(Code.DeadlineExceeded));
  });

  it.each(["HTTP/1.1", "HTTP/2"])("is closed if its caller disconnects inside the body over %s", async (version) => {
    const environment = systemEnvironment({ name: "unary", logLevel: "silent", logFormat: "json" });
    const url = await start(() => ({}), { environment });
    const headers = { "content-type": "application/json", "content-length": 100 };
    const caller = version === "HTTP/2" ? openGrpc(url) : httpRequest(url + path, { method: "POST", headers });
    caller.on("error", () => {});
    caller.write(framed("abc").subarray(0, 6));
    const gauge = async () =>
      (await environment.metrics.getSingleMetric("parley_server_calls_in_flight")?.get())?.values[0]?.value;
    await expect.poll(gauge).toBe(1);
    caller.destroy();
    await expect.poll(gauge).toBe(0);
  });

  it("is answered although its request is too large, and its connection stays open", async () => {
    const url = await start(({ message }) => ({ message }), { config: { limits: { requestBytesMax: 1_000 } } });
    const big = Buffer.alloc(3_000_000, 0x41);
    for (const protocol of ["grpc", "connect"] as const) {
      const session = connect(url);
      const type = protocol === "grpc" ? "application/grpc" : "application/proto";
      const stream = session.request({ ":method": "POST", ":path": path, "content-type": type });
      stream.on("error", () => {});
      stream.write(protocol === "grpc" ? encodeEnvelope(0, big) : big);
      const [headers] = await once(stream, "response");
      expect(protocol === "grpc" ? headers["grpc-status"] : headers[":status"]).toEqual(
        protocol === "grpc" ? "8" : 429,
      );
      stream.resume();
      await once(stream, "close");
      const next = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
      next.end(framed("ok"));
      expect(await grpcStatus(next)).toBe("0");
      session.close();
    }
    const body = await fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: big,
    });
    expect(body.status).toBe(429);
  });

  it("is RESOURCE_EXHAUSTED if its response is too large", async () => {
    const url = await start(() => ({ message: "x".repeat(2_000) }), {
      config: { limits: { responseBytesMax: 1_000 } },
    });
    const client = createClient(EchoService, createGrpcTransport({ baseUrl: url }));
    await expect(client.echo({})).rejects.toMatchObject({ code: Code.ResourceExhausted });
  });

  it("has a compressed response only if that is configured and accepted", async () => {
    const message = "y".repeat(2_000);
    const send = async (compressBytesMin: number | undefined) => {
      const url = await start(
        () => ({ message }),
        compressBytesMin === undefined ? {} : { config: { compressBytesMin } },
      );
      const stream = openGrpc(url, { "grpc-accept-encoding": "br,gzip" });
      stream.end(framed(""));
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      await once(stream, "close");
      return readEnvelope(Buffer.concat(chunks), 0)?.flags;
    };
    expect([await send(1_024), await send(4_096), await send(undefined)]).toEqual([1, 0, 0]);
  });

  it("may have a compressed request, up to the size limit after decompression", async () => {
    const url = await start(({ message }) => ({ message }), { config: { limits: { requestBytesMax: 5_000 } } });
    const send = (bytes: Buffer) =>
      fetch(url + path, {
        method: "POST",
        headers: { "content-type": "application/json", "content-encoding": "gzip" },
        body: new Uint8Array(gzipSync(bytes)),
      });
    expect(await (await send(Buffer.from('{"message":"small"}'))).json()).toEqual({ message: "small" });
    expect((await send(Buffer.alloc(50_000_000, 0x20))).status).toBe(429);
  });

  it("runs through interceptors, outermost first, which may change it", async () => {
    const seen: string[] = [];
    const named =
      (name: string): Interceptor =>
      (next) =>
      async (request) => {
        seen.push(`${name} ${request.method.name}`);
        request.header.set(`x-${name}`, "was here");
        const response = await next(request);
        response.trailer.set(`x-${name}`, "was here too");
        return response;
      };
    const url = await start(
      (request, context) => ({ message: `${request.message} ${context.requestHeader.get("x-inner")}` }),
      { interceptors: [named("outer"), named("inner")] },
    );
    let trailer = new Headers();
    const client = createClient(EchoService, createGrpcTransport({ baseUrl: url }));
    const answer = await client.echo(
      { message: "inner" },
      {
        onTrailer: (value) => {
          trailer = value;
        },
      },
    );
    expect(answer.message).toBe("inner was here");
    expect(seen).toEqual(["outer Echo", "inner Echo"]);
    expect([trailer.get("x-outer"), trailer.get("x-inner")]).toEqual(["was here too", "was here too"]);
  });

  it("may be grpc-web-text with padding between pieces, and is answered in text", async () => {
    const url = await start(({ message }) => ({ message }));
    const bytes = framed("text");
    // Two pieces, each with its own padding.
    const body = bytes.subarray(0, 7).toString("base64") + bytes.subarray(7).toString("base64");
    const response = await fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/grpc-web-text" },
      body,
    });
    expect(response.headers.get("content-type")).toMatch(/^application\/grpc-web-text/);
    const answer = Buffer.from(await response.text(), "base64");
    expect(answer.subarray(7, 11).toString()).toBe("text");
    expect(answer.toString("latin1")).toContain("grpc-status: 0");
  });

  it("is rejected with another version of the Connect protocol", async () => {
    const url = await start(({ message }) => ({ message }));
    const send = async (version: string) =>
      (
        await fetch(url + path, {
          method: "POST",
          headers: { "content-type": "application/json", "connect-protocol-version": version },
          body: "{}",
        })
      ).status;
    expect(await send("1")).toBe(200);
    expect(await send("2")).toBe(400);
  });

  it("may be pipelined on an HTTP/1.1 connection, in pieces of any size", async () => {
    const url = new URL(await start(({ message }) => ({ message })));
    const socket = connectTcp(Number(url.port), url.hostname);
    const one = (message: string) => {
      const body = JSON.stringify({ message });
      const head = `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
      return `${head}\r\n\r\n${body}`;
    };
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    const bytes = one("first") + one("second");
    for (let start = 0; start < bytes.length; start += 37) {
      socket.write(bytes.slice(start, start + 37));
      await wait(1);
    }
    await expect.poll(() => text.match(/"message":"\w+"/g)).toEqual(['"message":"first"', '"message":"second"']);
    socket.destroy();
  });
});
