import {
  createServer as createHttp1Server,
  type Server as Http1Server,
  type IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  ServerResponse,
} from "node:http";
import { createServer as createHttp2Server, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { type AddressInfo, createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { Http2Connection } from "../http2/connection.ts";
import { errorCode } from "../http2/constants.ts";
import { requestHeaders } from "../http2/header-fields.ts";
import { NodeStream } from "../http2/node-stream.ts";
import { type Protocol, protocolOf } from "./first-bytes.ts";
import type { ServerLimits } from "./server-limits.ts";
import type { UnaryPath } from "./unary/unary-path.ts";

export type AnyRequest = IncomingMessage | Http2ServerRequest;
export type AnyResponse = ServerResponse | Http2ServerResponse;
export type RequestHandler = (request: AnyRequest, response: AnyResponse) => void;

export interface ListenerOptions {
  readonly limits: ServerLimits;
  readonly tls?: TlsMaterial | undefined;
  readonly handle: RequestHandler;
  /** Asked first. What it does not take goes to `handle`. */
  readonly unary?: UnaryPath | undefined;
}

/** PEM texts. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

/** One port for HTTP/1.1 and HTTP/2. */
export interface Listener {
  listen(port: number, host: string): Promise<AddressInfo>;
  /** Asks clients to take new calls elsewhere: `connection: close` on HTTP/1.1, a first GOAWAY that still lets in what is on its way. */
  startDrain(): void;
  /** Takes in no more connections, and no more calls on those there are. */
  stopAccepting(): void;
  /** Closes HTTP/1.1 connections that have no call on them. Those of HTTP/2 close by themselves once asked to. */
  closeIdle(): void;
  /** Cuts every connection. */
  destroy(): void;
  /** Open connections. */
  readonly connectionCount: number;
}

/**
 * Listens for both protocols at once. Under TLS the client says which it speaks (ALPN); without, its first bytes do. The
 * socket is handed on as it is, so that Node's own code reads from it natively: a JavaScript stream in between costs far more
 * than the protocol itself.
 */
export function createListener({ limits, tls, handle, unary }: ListenerOptions): Listener {
  const state = { draining: false };
  const sockets = new Set<Socket>();
  const http1 = createHttp1(limits, { handle, unary, state });
  const { http2, connections } = createHttp2(limits, { handle, unary, state });
  const front =
    tls === undefined ? createCleartextFront(limits, { http1, http2 }) : createTlsFront(tls, limits, { http1, http2 });
  front.maxConnections = limits.connectionsMax;
  front.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return {
    listen: (port, host) => listen(front, { port, host }),
    startDrain() {
      state.draining = true;
      for (const connection of connections()) {
        connection.announceClose();
      }
    },
    stopAccepting() {
      front.close();
      http1.closeIdleConnections();
      for (const connection of [...connections()]) {
        // Says GOAWAY with the last call taken in, and ends when those under way have ended.
        connection.close();
      }
    },
    closeIdle: () => http1.closeIdleConnections(),
    destroy() {
      front.close();
      for (const socket of sockets) {
        socket.destroy();
      }
      http1.close();
    },
    get connectionCount() {
      return sockets.size;
    },
  };
}

interface Inner {
  readonly http1: Http1Server;
  http2(socket: Socket): void;
}

type Head = OutgoingHttpHeaders | OutgoingHttpHeader[];

interface InnerOptions {
  readonly handle: RequestHandler;
  readonly unary: UnaryPath | undefined;
  readonly state: { readonly draining: boolean };
}

function createCleartextFront(limits: ServerLimits, { http1, http2 }: Inner): NetServer {
  return createNetServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs }, (socket) => {
    onFirstBytes(socket, limits, (protocol) => {
      if (protocol === "HTTP/2") {
        http2(socket);
      } else if (protocol === "HTTP/1.1") {
        http1.emit("connection", socket);
      } else {
        // An answer would be in a protocol that the client does not speak.
        socket.destroy();
      }
    });
  });
}

/**
 * Calls back with the protocol that a connection's first bytes show. They stay there to be read. Until the first byte it is idle, as between two
 * requests: clients open connections ahead of need, and do not repeat a request whose new connection is closed on them.
 */
function onFirstBytes(socket: Socket, limits: ServerLimits, then: (protocol: Protocol) => void): void {
  let first: Buffer = Buffer.alloc(0);
  socket.setTimeout(limits.connectionIdleTimeoutMs, () => socket.destroy());
  socket.on("error", ignoreSocketError);
  socket.on("readable", read);

  function read(): void {
    const piece: Buffer | null = socket.read();
    if (piece === null) {
      socket.destroy();
      return;
    }
    first = first.length === 0 ? piece : Buffer.concat([first, piece]);
    const protocol = protocolOf(first);
    if (protocol === undefined) {
      socket.setTimeout(limits.headersTimeoutMs);
      return;
    }
    socket.off("readable", read);
    socket.setTimeout(0);
    socket.removeAllListeners("timeout");
    socket.off("error", ignoreSocketError);
    socket.unshift(first);
    then(protocol);
  }
}

function createTlsFront({ cert, key, ca }: TlsMaterial, limits: ServerLimits, { http1, http2 }: Inner): NetServer {
  const options = {
    cert,
    key,
    minVersion: "TLSv1.2" as const,
    ALPNProtocols: ["h2", "http/1.1"],
    // A certificate is asked for, not demanded: who shows none is anonymous. One that does not check out is refused below.
    ...(ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: false }),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
  };
  return createTlsServer(options, (socket: TLSSocket) => {
    const shownCertificate = Object.keys(socket.getPeerCertificate() ?? {}).length > 0;
    if (shownCertificate && !socket.authorized) {
      socket.destroy();
      return;
    }
    if (socket.alpnProtocol === "h2") {
      http2(socket);
    } else {
      onFirstBytes(socket, limits, () => {
        http1.emit("connection", socket);
        // Node's parser takes bytes straight from the connection unless somebody listens for them. Under TLS it then goes on to get some
        // after it was told to pause, which it is while an answer waits to be taken, and breaks the connection: "Parse Error: Paused".
        socket.on("data", listenOnly);
      });
    }
  });
}

function createHttp1(limits: ServerLimits, { handle, unary, state }: InnerOptions): Http1Server {
  class DrainingResponse extends ServerResponse<IncomingMessage> {
    override writeHead(statusCode: number, statusMessage?: string | Head, headers?: Head): this {
      if (state.draining) {
        this.shouldKeepAlive = false;
      }
      return super.writeHead(statusCode, statusMessage as string, headers);
    }
  }
  const server = createHttp1Server(
    {
      ServerResponse: DrainingResponse,
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.connectionIdleTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
      noDelay: true,
    },
    (request, response) => {
      if (unary?.http1(request, response) !== true) {
        handle(request, response);
      }
    },
  );
  server.timeout = limits.stallTimeoutMs;
  // Node starts to watch over its time limits when a server begins to listen, which this one never does itself.
  server.emit("listening");
  return server;
}

function createHttp2(
  limits: ServerLimits,
  { handle, unary, state }: InnerOptions,
): { http2(socket: Socket): void; connections(): Iterable<Http2Connection> } {
  const connections = new Set<Http2Connection>();
  // Node makes requests and responses of streams in a server that has somebody listening for them. This one never listens to
  // a port: it is given the streams that the unary path leaves.
  const compatibility = createHttp2Server(handle);
  return {
    connections: () => connections,
    http2(socket) {
      const connection = new Http2Connection(socket, {
        role: "server",
        streamsMax: limits.streamsPerConnectionMax,
        streamWindowBytes: limits.streamWindowBytes,
        connectionWindowBytes: limits.connectionWindowBytes,
        headerBytesMax: limits.headerBytesMax,
        resets: { burstMax: limits.streamResetBurstMax, perSecondMax: limits.streamResetsPerSecondMax },
        listener: {
          onStream(stream, block) {
            const headers = block.tooLarge ? undefined : requestHeaders(block);
            if (headers === undefined) {
              stream.reset(block.tooLarge ? errorCode.enhanceYourCalm : errorCode.protocol);
              return;
            }
            stream.expectedBytes = Number(headers["content-length"] ?? -1);
            if (unary?.http2(stream, { headers, socket }) !== true) {
              const whole = new NodeStream(stream, socket);
              whole.headRequest = headers[":method"] === "HEAD";
              compatibility.emit("stream", whole, headers, 0, block.fields);
            }
          },
          onClose: () => connections.delete(connection),
        },
      });
      connections.add(connection);
      socket.setTimeout(limits.connectionIdleTimeoutMs);
      socket.on("timeout", () => {
        if (connection.destroyed || socket.writableLength > 0) {
          // The client does not close its side, or takes nothing of what it is sent.
          socket.destroy();
        } else if (connection.openCount === 0) {
          // Silence inside a call is the call's own affair.
          connection.close();
        }
      });
      if (state.draining) {
        connection.announceClose();
      }
    },
  };
}

/** TCP keepalive finds peers that vanished without a word. */
const keepAliveMs = 60_000;

function listen(
  server: NetServer,
  { port, host }: { readonly port: number; readonly host: string },
): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, backlog: 1_024 }, () => {
      server.off("error", reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

/** Node's own listener reads what there is. */
function listenOnly(): void {}

/** A connection that breaks before it said anything is nobody's failure. */
function ignoreSocketError(): void {}
