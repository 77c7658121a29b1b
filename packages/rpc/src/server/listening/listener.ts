import {
  createServer as createHttp1Server,
  type Server as Http1Server,
  type IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  ServerResponse,
} from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { errorCode, Http2Connection, NodeStream, requestHeaders } from "@parley/http2";
import type { ServerLimits } from "../config/server-limits.ts";
import type { RequestHandler } from "../http/http-messages.ts";
import type { UnaryPath } from "../unary/unary-path.ts";

export interface ListenerOptions {
  readonly limits: ServerLimits;
  readonly tls?: TlsMaterial | undefined;
  readonly handle: RequestHandler;
  /** Asked first. What it does not take goes to `handle`. */
  readonly unary?: UnaryPath | undefined;
  /** Which hosts requests may be for. Any by default. */
  readonly hostCheck?: HostCheck | undefined;
  readonly environment: Pick<Environment, "log" | "metrics" | "clock">;
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
export function createListener(options: ListenerOptions): Listener {
  const { limits, tls, handle, unary, hostCheck, environment } = options;
  const state = { draining: false };
  const inner: InnerOptions = {
    handle,
    unary,
    state,
    hostCheck,
    spoke: (socket) => gate.spoke(gateSocketOf(socket)),
  };
  const http1 = createHttp1(limits, inner);
  const { http2, connections } = createHttp2(limits, inner);
  const refusals = createRefusalReport(environment);
  const gate = new ConnectionGate({ limits, onRefused: refusals, closeIdle: () => closeOneIdle(connections()) });
  const front =
    tls === undefined ? createCleartextFront(limits, { http1, http2 }) : createTlsFront(tls, limits, { http1, http2 });
  front.prependListener("connection", (socket: Socket) => gate.admit(socket));
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
      for (const socket of [...gate]) {
        socket.destroy();
      }
      http1.close();
    },
    get connectionCount() {
      return gate.size;
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
  readonly hostCheck: HostCheck | undefined;
  /** The connection has brought a request. */
  spoke(socket: Socket): void;
}

function createCleartextFront(limits: ServerLimits, { http1, http2 }: Inner): NetServer {
  return createNetServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs }, (socket) => {
    onFirstBytes(socket, limits, (first) => {
      // Every HTTP/2 connection begins with "PRI * HTTP/2.0" (RFC 9113, section 3.4), and no HTTP/1.1 method with "PRI".
      if (first.subarray(0, 3).toString("latin1") === "PRI") {
        http2(socket);
      } else {
        http1.emit("connection", socket);
      }
    });
  });
}

/**
 * Calls back when a connection says something, with what it is, which stays there to be read. Until then it is idle, as between two
 * requests: clients open connections ahead of need, and do not repeat a request whose new connection is closed on them.
 */
function onFirstBytes(socket: Socket, limits: ServerLimits, then: (first: Buffer) => void): void {
  socket.setTimeout(limits.connectionIdleTimeoutMs, () => socket.destroy());
  socket.on("error", ignoreSocketError);
  socket.once("readable", () => {
    const first: Buffer | null = socket.read();
    if (first === null) {
      socket.destroy();
      return;
    }
    socket.setTimeout(0);
    socket.removeAllListeners("timeout");
    socket.off("error", ignoreSocketError);
    socket.unshift(first);
    then(first);
  });
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
