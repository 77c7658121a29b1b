import { once } from "node:events";
import { connect, type IncomingHttpHeaders } from "node:http2";
import { Code } from "@connectrpc/connect";
import { afterEach, describe, expect, it } from "vitest";
import { reasonError } from "../call/reason-error.ts";
import { headerListBytes, writeGrpcStatus } from "../protocol/grpc-status.ts";
import { type EchoServer, StreamService, serveEcho } from "./echo-fixture.ts";
import { implementPartly } from "./pipeline/service-module.ts";

/** A large error: a long percent-encoded message, and details. */
function largeError() {
  const fields = Array.from({ length: 10 }, (_, index) => ({ field: `items[${index}]`, description: "é".repeat(50) }));
  return reasonError(Code.FailedPrecondition, {
    reason: "LARGE",
    message: `Too little is left: ${"é".repeat(500)}`,
    metadata: { trailer: "x".repeat(200) },
    fields,
    retryAfterMs: 5,
  });
}

let running: EchoServer | undefined;
afterEach(() => running?.server.close());

/** The sizes of all header lists of a call's response, and its status. */
async function listsOf(url: string, path: string, headerListBytesMax: number) {
  const session = connect(url, { settings: { maxHeaderListSize: headerListBytesMax } });
  await once(session, "remoteSettings");
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.end(Buffer.alloc(5));
  const lists: IncomingHttpHeaders[] = [];
  stream.on("response", (headers) => lists.push(headers));
  stream.on("trailers", (headers) => lists.push(headers));
  stream.resume();
  await once(stream, "close");
  session.close();
  return { sizes: lists.map((list) => headerListBytes({ ...list })), ...Object.assign({}, ...lists) };
}

describe("the trailers of an error stay within the client's SETTINGS_MAX_HEADER_LIST_SIZE", () => {
  const kinds = [
    ["a unary call", "/echo.v1.EchoService/Echo"],
    ["a stream before its first message", "/test.v1.StreamService/Repeat"],
    ["a stream after a message", "/test.v1.StreamService/Chat"],
    ["an unknown method", `/echo.v1.EchoService/${"M".repeat(100)}`],
  ] as const;
  it.each(kinds)("%s", async (_kind, path) => {
    running = await serveEcho({
      echo: () => {
        throw largeError();
      },
      entries: [
        implementPartly(StreamService, {
          repeat: (() => {
            throw largeError();
          }) as never,
          chat: async function* answerAndFail() {
            yield { message: "hi" } as never;
            throw largeError();
          } as never,
        }),
      ],
    });
    for (const bytesMax of [250, 400, 1_000, 2_000, 65_536]) {
      const { sizes, "grpc-status": status, "grpc-message": message } = await listsOf(running.url, path, bytesMax);
      expect([bytesMax, Math.max(...sizes) <= bytesMax, status]).toEqual([
        bytesMax,
        true,
        path.includes("MMM") ? "12" : "9",
      ]);
      if (bytesMax >= 400) {
        expect(message).toMatch(/^(?:Too(?: |%20)little(?: |%20)is|echo\.v1\.EchoService has)/);
      }
    }
  });

  it("leaves out the least useful parts first", () => {
    const sizes = [40, 60, 100, 300, 600, 900, 2_000, 4_000, 8_000].map((bytesMax) => {
      const target: Record<string, string | undefined> = { "x-own": "of the implementation" };
      writeGrpcStatus(largeError(), target, bytesMax);
      expect(target["grpc-status"]).toBe("9");
      expect(headerListBytes(target)).toBeLessThanOrEqual(Math.max(bytesMax, "grpc-status9".length + 32));
      return [
        bytesMax,
        "x-own" in target,
        (target["grpc-message"]?.length ?? 0) > 1_000,
        target["grpc-status-details-bin"] !== undefined,
      ];
    });
    expect(sizes).toEqual([
      [40, false, false, false],
      [60, false, false, false],
      [100, false, false, false],
      [300, false, false, false],
      [600, false, false, false],
      [900, false, false, false],
      [2_000, false, true, false],
      [4_000, true, true, false],
      [8_000, true, true, true],
    ]);
  });
});
