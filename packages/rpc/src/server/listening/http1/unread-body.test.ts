import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EchoServer, serveEcho } from "../../echo-fixture.ts";

const echo = "/echo.v1.EchoService/Echo";
/** Below and above the limit, and what Node buffers of an unread body (64 KiB). */
const sizes = [1_000, 300_000];
const requestBytesMax = 100_000;

/** Requests that are refused, each before or while its body is read. */
const refused = {
  "a message that is too large": { path: echo, type: "application/json" },
  "an unknown method": { path: "/echo.v1.EchoService/Missing", type: "application/json" },
  "a message that is too large, in protobuf": { path: echo, type: "application/proto" },
  "a message that is too large, over gRPC-Web": { path: echo, type: "application/grpc-web+proto" },
  "a message that is too large, of a stream": { path: echo, type: "application/connect+proto" },
  "an unsupported content type": { path: echo, type: "text/plain" },
} as const;

describe.each(["own", "stock"] as const)("on the %s path, a response before the end of its request", (rpcPath) => {
  let server: EchoServer;
  const sockets = new Set<Socket>();
  beforeAll(async () => {
    server = await serveEcho({ config: { rpcPath, drainNoticeMs: 0, limits: { requestBytesMax } } });
  });
  afterAll(async () => {
    for (const socket of sockets) {
      socket.destroy();
    }
    await server.server.close();
  });

  describe.each(Object.entries(refused))("to %s", (_name, { path, type }) => {
    it.each(
      sizes.flatMap((bytes) =>
        [true, false].flatMap((chunked) =>
          ["slowly", "at once", "after the response"].map((sent) => ({ bytes, chunked, sent })),
        ),
      ),
    )("leaves the connection usable: %j", async ({ bytes, chunked, sent }) => {
      const socket = connect(server.server.port, "127.0.0.1").on("error", () => {});
      sockets.add(socket);
      let text = "";
      let closed = false;
      socket.setEncoding("latin1").on("data", (chunk: string) => {
        text += chunk;
      });
      socket.on("close", () => {
        closed = true;
      });
      await once(socket, "connect");
      const framing = chunked ? "transfer-encoding: chunked" : `content-length: ${bytes}`;
      const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\n${framing}\r\n\r\n`;
      // An envelope of a message that is as large as the body.
      const body = Buffer.alloc(bytes);
      body.writeUInt32BE(bytes - 5, 1);
      socket.write(head);
      for (let at = 0; at < bytes; at += 50_000) {
        const piece = body.subarray(at, at + 50_000);
        socket.write(chunked ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, end]) : piece);
        if (sent === "slowly") {
          // The response may be complete before the last piece.
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      }
      socket.write(chunked ? "0\r\n\r\n" : "");
      socket.write(`GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n`);
      // Either the next request is answered, or the client learns at once that it never will be.
      await expect.poll(() => closed || /"status":"SERVING"/.test(text), { timeout: 10_000 }).toBe(true);
      expect(text).toMatch(/^HTTP\/1\.1 [24]\d\d /);
      expect(text).toContain('"status":"SERVING"');
      socket.destroy();
    });
  });
});

const end = Buffer.from("\r\n");
