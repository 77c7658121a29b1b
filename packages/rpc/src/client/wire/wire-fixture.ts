import { createServer as createHttp1, type RequestListener } from "node:http";
import {
  createServer as createHttp2,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from "node:net";
import type { ServiceImpl } from "@connectrpc/connect";
import { compressionGzip, connectNodeAdapter } from "@connectrpc/connect-node";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";

/** For tests: a server on a port of its own. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** Cuts all connections and stops listening. */
  close(): Promise<void>;
}

/** For tests: the stock Connect server, with compression on as it is by default. */
export function stockServer(
  echo: ServiceImpl<typeof EchoService>["echo"],
  httpVersion: "1.1" | "2",
  port = 0,
): Promise<TestServer> {
  const handle = connectNodeAdapter({
    routes: (router) => router.service(EchoService, { echo }),
    acceptCompression: [compressionGzip],
  });
  return httpVersion === "2" ? listen(createHttp2(handle), port) : listen(createHttp1(handle as RequestListener), port);
}

/** For tests: an HTTP/2 server with a scripted behaviour for each stream. */
export async function rawHttp2(
  onStream: (stream: ServerHttp2Stream, session: ServerHttp2Session, index: number) => void,
  { maxConcurrentStreams = 1000, port = 0 }: { readonly maxConcurrentStreams?: number; readonly port?: number } = {},
): Promise<
  TestServer & { readonly server: Http2Server; readonly sessions: Set<ServerHttp2Session>; sessionCount(): number }
> {
  const server = createHttp2({ settings: { maxConcurrentStreams } });
  const sessions = new Set<ServerHttp2Session>();
  let streams = 0;
  let sessionCount = 0;
  server.on("session", (session) => {
    sessionCount++;
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => {});
  });
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    stream.resume();
    const { session } = stream;
    if (session !== undefined) {
      onStream(stream, session as ServerHttp2Session, streams++);
    }
  });
  return { ...(await listen(server, port)), server, sessions, sessionCount: () => sessionCount };
}

/** For tests: a TCP server with a scripted behaviour for each connection. */
export function rawTcp(onSocket: (socket: Socket, index: number) => void): Promise<TestServer> {
  let count = 0;
  return listen(
    createTcp((socket) => {
      socket.on("error", () => {});
      onSocket(socket, count++);
    }),
  );
}

/** For tests: answers a gRPC call with an empty message, which EchoRequest and EchoResponse share. */
export function answerOk(stream: ServerHttp2Stream, body: Buffer = Buffer.alloc(5)): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(body);
}

/** For tests: listens on 127.0.0.1. */
export async function listen(server: Server, port = 0): Promise<TestServer> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) {
          socket.destroy();
        }
      });
    },
  };
}
