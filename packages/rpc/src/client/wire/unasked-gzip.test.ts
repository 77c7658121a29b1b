import { gzipSync } from "node:zlib";
import { Code, createClient } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { afterEach, expect, it } from "vitest";
import { rejection, testEnvironment } from "../client-fixture.ts";
import { ConnectionPool } from "../connection/connection-pool.ts";
import { rawHttp2, type TestServer } from "./wire-fixture.ts";
import type { WireTransportOptions } from "./wire-options.ts";
import { createWireTransport } from "./wire-transport.ts";

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) {
    await close();
  }
});

function client(server: TestServer, options: WireTransportOptions) {
  const environment = testEnvironment();
  const pool = new ConnectionPool(environment);
  closing.push(
    () => pool.close(),
    () => server.close(),
  );
  return createClient(EchoService, createWireTransport(pool.channel(server.url), environment.clock, options));
}

/** An EchoResponse whose message is "A" so many times. */
function message(length: number): Buffer {
  return Buffer.concat([Buffer.from([10, length]), Buffer.alloc(length, "A")]);
}

/** A server that compresses every response, and records the encodings that the client accepts. */
async function compressingServer(encoding: string) {
  const accepted: unknown[] = [];
  const server = await rawHttp2((stream) => {
    const body = gzipSync(message(100));
    const envelope = Buffer.concat([Buffer.from([1, 0, 0, 0, body.length]), body]);
    stream.respond(
      { ":status": 200, "content-type": "application/grpc+proto", "grpc-encoding": encoding },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(envelope);
  });
  server.server.on("stream", (_stream, headers) => accepted.push(headers["grpc-accept-encoding"]));
  return { server, accepted };
}

it("an unrequested gzip response over gRPC is decoded", async () => {
  const { server, accepted } = await compressingServer("gzip");
  expect((await client(server, {}).echo({})).message).toBe("A".repeat(100));
  expect(accepted).toEqual([undefined]);
});

it("an unrequested gzip response over Connect is decoded", async () => {
  const server = await rawHttp2((stream) => {
    stream.respond({ ":status": 200, "content-type": "application/proto", "content-encoding": "gzip" });
    stream.end(gzipSync(message(100)));
  });
  expect((await client(server, { protocol: "connect" }).echo({})).message).toBe("A".repeat(100));
});

it("a response in an unsupported encoding is INTERNAL, and names it", async () => {
  const { server } = await compressingServer("br");
  const error = await rejection(client(server, {}).echo({}));
  expect(error.code).toBe(Code.Internal);
  expect(error.rawMessage).toContain('"br"');
});
