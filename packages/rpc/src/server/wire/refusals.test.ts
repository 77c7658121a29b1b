import { once } from "node:events";
import { connect, constants, type IncomingHttpHeaders } from "node:http2";
import { afterEach, describe, expect, it } from "vitest";
import { type EchoServer, StreamService, serveEcho } from "../echo-fixture.ts";
import { implement } from "../pipeline/service-module.ts";

const running: EchoServer[] = [];

async function start(rpcPath: "own" | "stock"): Promise<EchoServer> {
  const server = await serveEcho({ entries: [implement(StreamService, {} as never)], config: { rpcPath } });
  running.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map(({ server }) => server.close()));
});

/** The status of a gRPC call, and whether it was sent as "Trailers-Only". */
async function grpcAnswer(url: string, path: string): Promise<{ readonly status: unknown; readonly alone: boolean }> {
  const session = connect(url);
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.end(Buffer.alloc(5));
  const [headers, flags] = (await once(stream, "response")) as [IncomingHttpHeaders, number];
  stream.resume();
  session.close();
  return { status: headers["grpc-status"], alone: (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0 };
}

describe("a request that is not a valid call", () => {
  const post = (url: string, path: string, headers: Record<string, string>, method = "POST") =>
    fetch(url + path, { method, headers, ...(method === "POST" ? { body: "{}" } : {}) });
  const unary = "/echo.v1.EchoService/Echo";
  const stream = "/test.v1.StreamService/Repeat";
  for (const rpcPath of ["own", "stock"] as const) {
    it(`is answered with an HTTP status (${rpcPath})`, async () => {
      const { url } = await start(rpcPath);
      const put = await post(url, unary, { "content-type": "application/json" }, "PUT");
      expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, POST"]);
      for (const [path, allow] of [
        [unary, "GET, POST, OPTIONS"],
        [stream, "POST, OPTIONS"],
      ] as const) {
        const options = await post(url, path, { origin: "https://shop.example" }, "OPTIONS");
        expect([options.status, options.headers.get("allow"), await options.text()]).toEqual([204, allow, ""]);
      }
      const get = await post(url, stream, {}, "GET");
      expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
      for (const type of ["application/grpc+foo", "text/plain", "application/connect+json"]) {
        const wrong = await post(url, unary, { "content-type": type });
        expect([type, wrong.status, wrong.headers.get("accept-post")?.includes("application/json")]).toEqual([
          type,
          415,
          true,
        ]);
      }
      expect((await post(url, stream, { "content-type": "application/json" })).status).toBe(415);
      expect((await post(url, unary, { "content-type": "application/grpc" })).status).toBe(505);
      const chat = await post(url, "/test.v1.StreamService/Chat", { "content-type": "application/connect+json" });
      expect(chat.status).toBe(505);
    });

    it(`is UNIMPLEMENTED in Trailers-Only for an unknown method (${rpcPath})`, async () => {
      const { url } = await start(rpcPath);
      for (const path of ["/test.v1.StreamService/Missing", "/missing.v1.Service/Method"]) {
        expect([path, await grpcAnswer(url, path)]).toEqual([path, { status: "12", alone: true }]);
        const web = await post(url, path, { "content-type": "application/grpc-web+proto" });
        expect([web.headers.get("grpc-status"), await web.text()]).toEqual(["12", ""]);
      }
    });
  }
});
