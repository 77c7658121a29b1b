import {
  Code,
  ConnectError,
  createClient,
  decodeBinaryHeader,
  encodeBinaryHeader,
  type HandlerContext,
} from "@connectrpc/connect";
import { type EchoRequest, EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reasonError } from "../../call/reason-error.ts";
import { rejection, testEnvironment } from "../client-fixture.ts";
import { ConnectionPool } from "../connection/connection-pool.ts";
import { stockServer, type TestServer } from "./wire-fixture.ts";
import type { WireTransportOptions } from "./wire-options.ts";
import { createWireTransport } from "./wire-transport.ts";

const dialects: readonly (readonly [string, WireTransportOptions & { readonly httpVersion: "1.1" | "2" }])[] = [
  ["gRPC", { protocol: "grpc", httpVersion: "2" }],
  ["gRPC with JSON", { protocol: "grpc", httpVersion: "2", codec: "json" }],
  ["Connect over HTTP/2", { protocol: "connect", httpVersion: "2" }],
  ["Connect JSON over HTTP/2", { protocol: "connect", httpVersion: "2", codec: "json" }],
  ["Connect over HTTP/1.1", { protocol: "connect", httpVersion: "1.1" }],
  ["Connect JSON over HTTP/1.1", { protocol: "connect", httpVersion: "1.1", codec: "json" }],
  ["gRPC-Web over HTTP/1.1", { protocol: "grpc-web", httpVersion: "1.1" }],
];

for (const [name, dialect] of dialects) {
  describe(`${name}, against the stock server`, () => {
    let server: TestServer;
    let handle: (request: EchoRequest, context: HandlerContext) => Promise<{ message: string }> | { message: string };
    const environment = testEnvironment();
    const pool = new ConnectionPool(environment);

    beforeAll(async () => {
      server = await stockServer((request, context) => handle(request, context), dialect.httpVersion);
    });
    afterAll(async () => {
      pool.close();
      await server.close();
    });

    const client = (options: WireTransportOptions = {}) =>
      createClient(
        EchoService,
        createWireTransport(pool.channel(server.url), environment.clock, { ...dialect, ...options }),
      );

    it("carries a message of any size both ways", async () => {
      handle = ({ message }) => ({ message });
      for (const message of ["", "hello", "ünïcødé 🙂", "x".repeat(70_000), "x".repeat(1_200_000)]) {
        expect((await client().echo({ message })).message).toBe(message);
      }
    });

    it("keeps 200 concurrent calls apart", async () => {
      handle = ({ message }) => ({ message });
      const messages = Array.from({ length: 200 }, (_, index) => `message ${index}`);
      const answers = await Promise.all(messages.map((message) => client().echo({ message })));
      expect(answers.map(({ message }) => message)).toEqual(messages);
    });

    it("leaves no state on a reused connection", async () => {
      handle = ({ message }) => ({ message });
      const warnings: Error[] = [];
      const note = (warning: Error) => warnings.push(warning);
      process.on("warning", note);
      for (let calls = 0; calls < 30; calls++) {
        await client().echo({});
      }
      const one = client();
      for (let calls = 0; calls < 30; calls++) {
        await one.echo({});
      }
      await new Promise((resolve) => setImmediate(resolve));
      process.off("warning", note);
      expect(warnings).toEqual([]);
    });

    it("carries metadata both ways, of text and bytes, in headers and trailers", async () => {
      const bytes = new Uint8Array([0, 1, 127, 128, 255]);
      let seen: Headers | undefined;
      handle = (_request, { requestHeader, responseHeader, responseTrailer }) => {
        seen = new Headers(requestHeader);
        responseHeader.append("x-in", "a");
        responseHeader.append("x-in", "b");
        responseTrailer.set("x-after-bin", encodeBinaryHeader(bytes));
        return { message: "" };
      };
      let header: Headers | undefined;
      let trailer: Headers | undefined;
      await client().echo(
        {},
        {
          headers: [
            ["X-Out", "1"],
            ["x-out", "2"],
            ["x-out-bin", encodeBinaryHeader(bytes)],
          ] as [string, string][],
          onHeader: (value) => {
            header = value;
          },
          onTrailer: (value) => {
            trailer = value;
          },
        },
      );
      expect(seen?.get("x-out")).toBe("1, 2");
      expect(decodeBinaryHeader(seen?.get("x-out-bin") ?? "")).toEqual(bytes);
      expect(header?.get("x-in")).toBe("a, b");
      expect(decodeBinaryHeader(trailer?.get("x-after-bin") ?? "")).toEqual(bytes);
    });

    it("keeps a caller's metadata from breaking the protocol", async () => {
      let seen: Headers | undefined;
      handle = (_request, { requestHeader }) => {
        seen = new Headers(requestHeader);
        return { message: "ok" };
      };
      if (dialect.protocol !== "grpc-web") {
        const headers = { "content-type": "text/html", connection: "close", "grpc-timeout": "1n", te: "gzip" };
        expect((await client().echo({}, { headers })).message).toBe("ok");
        expect(seen?.get("content-type")).not.toContain("html");
      }
      expect((await rejection(client().echo({}, { headers: { "x-bad": "a\nb" } }))).message).toBeTruthy();
    });

    it("transfers errors completely: code, message, details, metadata", async () => {
      handle = () => {
        const error = reasonError(Code.FailedPrecondition, {
          reason: "OUT_OF_STOCK",
          message: "nür 3 left: 100 %",
          metadata: { product: "101" },
        });
        error.metadata.set("x-more", "yes");
        throw error;
      };
      const error = await rejection(client().echo({}));
      expect(error.code).toBe(Code.FailedPrecondition);
      expect(error.rawMessage).toBe("nür 3 left: 100 %");
      expect(error.findDetails(ErrorInfoSchema)[0]?.metadata).toEqual({ product: "101" });
      expect(error.metadata.get("x-more")).toBe("yes");
    });

    it("transfers every code", async () => {
      for (let code = 1; code <= 16; code++) {
        handle = () => {
          throw new ConnectError("x", code as Code);
        };
        expect((await rejection(client().echo({}))).code).toBe(code);
      }
    });

    it("sends the deadline, and enforces it if the server never answers", async () => {
      let leftMs: number | undefined;
      handle = (_request, context) => {
        leftMs = context.timeoutMs();
        return new Promise(() => {});
      };
      const startMs = performance.now();
      const error = await rejection(client().echo({}, { timeoutMs: 150 }));
      const tookMs = performance.now() - startMs;
      expect(error.code).toBe(Code.DeadlineExceeded);
      expect(leftMs).toBeGreaterThan(50);
      expect(leftMs).toBeLessThanOrEqual(150);
      expect(tookMs).toBeGreaterThanOrEqual(140);
      expect(tookMs).toBeLessThan(1500);
    });

    it("cancels at the server when the caller cancels", async () => {
      const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
      const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
      handle = (_request, { signal }) => {
        begin();
        signal.addEventListener("abort", () => abort());
        return new Promise(() => {});
      };
      const controller = new AbortController();
      const failed = rejection(client().echo({}, { signal: controller.signal }));
      await begun;
      controller.abort();
      expect((await failed).code).toBe(Code.Canceled);
      await aborted;
    });

    it("sends nothing for a cancelled caller", async () => {
      let calls = 0;
      handle = () => {
        calls++;
        return { message: "" };
      };
      expect((await rejection(client().echo({}, { signal: AbortSignal.abort() }))).code).toBe(Code.Canceled);
      await client().echo({});
      expect(calls).toBe(1);
    });

    it("decodes and encodes gzip if configured", async () => {
      const message = "compress me ".repeat(2000);
      handle = (request) => ({ message: request.message });
      const answer = await client({ acceptGzip: true, sendGzip: true }).echo({ message });
      expect(answer.message).toBe(message);
    });

    it("refuses responses beyond its limit, compressed ones too", async () => {
      handle = () => ({ message: "y".repeat(300_000) });
      for (const acceptGzip of [false, true]) {
        const error = await rejection(client({ readBytesMax: 100_000, acceptGzip }).echo({}));
        expect(error.code).toBe(Code.ResourceExhausted);
      }
      handle = () => ({ message: "y" });
      expect((await client({ readBytesMax: 100_000 }).echo({})).message).toBe("y");
    });

    it("reports UNIMPLEMENTED for a method that the server does not have", async () => {
      const transport = createWireTransport(pool.channel(`${server.url}/elsewhere`), environment.clock, dialect);
      expect((await rejection(createClient(EchoService, transport).echo({}))).code).toBe(Code.Unimplemented);
    });
  });
}

describe("a request that cannot be encoded", () => {
  it("is INTERNAL and sends nothing", async () => {
    const environment = testEnvironment();
    const pool = new ConnectionPool(environment);
    const transport = createWireTransport(pool.channel("http://127.0.0.1:1"), environment.clock);
    const error = await rejection(createClient(OrderService, transport).listOrders({ pageSize: 2 ** 40 }));
    expect(error.code).toBe(Code.Internal);
  });
});
