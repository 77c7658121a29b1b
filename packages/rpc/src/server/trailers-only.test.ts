import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EchoServer, StreamService, serveEcho } from "./echo-fixture.ts";
import { implement } from "./pipeline/service-module.ts";

let echo: EchoServer;
let session: ClientHttp2Session;

beforeAll(async () => {
  const fail = (): { readonly message?: string } => {
    throw new ConnectError("expected", Code.FailedPrecondition);
  };
  echo = await serveEcho({
    echo: fail,
    // `chat` is not implemented.
    entries: [
      implement(StreamService, {
        join: fail,
        async *repeat() {
          yield fail();
        },
      } as never),
    ],
  });
  session = connect(echo.url);
});

afterAll(async () => {
  session.close();
  await echo.server.close();
});

interface Answer {
  readonly head: IncomingHttpHeaders;
  /** Whether HEADERS had END_STREAM: the response is one frame. */
  readonly alone: boolean;
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly dataFrames: number;
}

function call(path: string, contentType = "application/grpc"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": contentType, te: "trailers" });
    let head: IncomingHttpHeaders = {};
    let alone = false;
    let trailers: IncomingHttpHeaders | undefined;
    let dataFrames = 0;
    stream.on("response", (fields, flags) => {
      head = fields;
      alone = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    });
    stream.on("trailers", (fields) => {
      trailers = fields;
    });
    stream.on("data", () => dataFrames++);
    stream.on("error", reject);
    stream.on("close", () => resolve({ head, alone, trailers, dataFrames }));
    stream.end(Buffer.from([0, 0, 0, 0, 0]));
  });
}

const unimplemented = String(Code.Unimplemented);

describe("a gRPC error before the first message", () => {
  it.each([
    ["an unknown service", "/unknown.v1.Unknown/Method", unimplemented],
    ["an unknown method", "/echo.v1.EchoService/Unknown", unimplemented],
    ["a path that is no method", "/", unimplemented],
    ["a path with more parts", "/echo.v1.EchoService/Echo/more", unimplemented],
    ["a unary call", "/echo.v1.EchoService/Echo", String(Code.FailedPrecondition)],
  ])("is a single HEADERS frame with END_STREAM: %s", async (_name, path, code) => {
    for (const contentType of ["application/grpc", "application/grpc+proto"]) {
      const { head, alone, trailers, dataFrames } = await call(path, contentType);
      expect(head[":status"]).toBe(200);
      expect(head["grpc-status"]).toBe(code);
      expect(head["content-type"]).toMatch(/^application\/grpc/);
      expect({ alone, trailers, dataFrames }).toEqual({ alone: true, trailers: undefined, dataFrames: 0 });
    }
  });

  // A stream may have sent its headers already. Then the status is in trailers with END_STREAM.
  it.each([
    ["a server stream", "/test.v1.StreamService/Repeat", String(Code.FailedPrecondition)],
    ["a client stream", "/test.v1.StreamService/Join", String(Code.FailedPrecondition)],
    ["a stream both ways that is not implemented", "/test.v1.StreamService/Chat", unimplemented],
  ])("is in the frame with END_STREAM: %s", async (_name, path, code) => {
    const { head, alone, trailers, dataFrames } = await call(path);
    expect(head[":status"]).toBe(200);
    expect((alone ? head : trailers)?.["grpc-status"]).toBe(code);
    expect(alone && trailers !== undefined).toBe(false);
    expect(alone || head["grpc-status"] === undefined).toBe(true);
    expect(dataFrames).toBe(0);
  });
});
