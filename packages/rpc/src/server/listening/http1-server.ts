import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import { refuseHost1 } from "../http/refuse-host.ts";
import type { HttpOptions } from "./listener-options.ts";

/** The HTTP/1.1 side of a listener. */
export interface Http1Side {
  accept(socket: Socket): void;
  /** Closes one connection without a request on it. False where there is none among the oldest. */
  closeOneIdle(): boolean;
  closeIdle(): void;
  close(): void;
}

type Head = OutgoingHttpHeaders | OutgoingHttpHeader[];

/** How many connections {@link Http1Side.closeOneIdle} looks at: it is asked for each new connection at the limit. */
const lookedAtMax = 64;

export function createHttp1({ limits, handle, unary, hostCheck, state, spoke }: HttpOptions): Http1Side {
  /** Requests without their whole answer, by connection. */
  const pending = new Map<Socket, number>();

  class CountedResponse extends ServerResponse<IncomingMessage> {
    override writeHead(statusCode: number, statusMessage?: string | Head, headers?: Head): this {
      if (state.draining) {
        this.shouldKeepAlive = false;
      }
      return super.writeHead(statusCode, statusMessage as string, headers);
    }

    override detachSocket(socket: Socket): void {
      const count = pending.get(socket);
      if (count !== undefined) {
        pending.set(socket, count - 1);
      }
      super.detachSocket(socket);
    }
  }

  const server = createServer(
    {
      ServerResponse: CountedResponse,
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.connectionIdleTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
      noDelay: true,
    },
    (request, response) => {
      const { socket } = request;
      const count = (pending.get(socket) ?? 0) + 1;
      pending.set(socket, count);
      spoke(socket);
      if (count > limits.pipelinedRequestsMax) {
        // The parser reads all requests of a chunk at once, so that pausing the socket would come too late.
        socket.destroy();
      } else if (hostCheck?.(request.headers.host) === false) {
        refuseHost1(request, response);
      } else if (unary?.http1(request, response) !== true) {
        handle(request, response);
      }
    },
  );
  server.timeout = limits.stallTimeoutMs;
  // Node starts to check its time limits when a server begins to listen, which this one never does itself.
  server.emit("listening");
  return {
    accept(socket) {
      pending.set(socket, 0);
      socket.once("close", () => pending.delete(socket));
      server.emit("connection", socket);
    },
    closeOneIdle() {
      let lookedAt = 0;
      for (const [socket, count] of pending) {
        if (count === 0) {
          pending.delete(socket);
          socket.destroy();
          return true;
        }
        if (++lookedAt === lookedAtMax) {
          return false;
        }
      }
      return false;
    },
    closeIdle: () => server.closeIdleConnections(),
    close: () => server.close(),
  };
}
