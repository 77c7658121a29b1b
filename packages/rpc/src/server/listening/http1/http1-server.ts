import {
  createServer,
  IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import type { ConnectError } from "@connectrpc/connect";
import { isHostField } from "@parley/http2";
import { isStreaming, type UnfinishedBody } from "../../buffers/unfinished-bodies.ts";
import { hostCount, refuseHost1, refuseRequest1 } from "../../http/refuse-host.ts";
import { limitAge } from "../connection-age.ts";
import { type HttpOptions, turnGroupOf } from "../listener-options.ts";
import { DirectReads } from "./direct-reads.ts";
import { Http1Connection } from "./http1-connection.ts";

/** The HTTP/1.1 side of a listener. */
export interface Http1Side {
  accept(socket: Socket): void;
  /** Closes one idle connection. False if there is none among the 64 oldest. */
  closeOneIdle(): boolean;
  closeIdle(): void;
  close(): void;
  readonly connectionCount: number;
}

/** A smaller response is not counted if it is the only one on its connection. */
const countedBytesMin = 4_096;

function sizeOf(chunk: unknown): number {
  return typeof chunk === "string" || chunk instanceof Uint8Array ? chunk.length : 0;
}

/** Gets the chunks of a request's body, and its end. */
interface RequestBodyReceiver {
  onData(chunk: Buffer): void;
  onEnd(): void;
}

type Head = OutgoingHttpHeaders | OutgoingHttpHeader[];

/** The number of connections that {@link Http1Side.closeOneIdle} checks: at the limit it runs for each new connection. */
const checkedMax = 64;

export function createHttp1({
  limits,
  handle,
  path,
  hostCheck,
  state,
  markActive,
  unsent,
  bodies,
  onRefused,
  turns,
  quickRefusal,
  environment,
}: HttpOptions): Http1Side {
  const pending = new Map<Socket, Http1Connection>();
  const direct = new DirectReads(environment.clock);

  /** Counts the bytes of an incomplete body. */
  class CountedRequest extends IncomingMessage implements UnfinishedBody {
    /** Whether the body is buffered until it is complete. Bodies of streams are not. */
    collects: boolean | undefined;
    #heldBytes = 0;

    override push(chunk: Buffer | null, encoding?: BufferEncoding): boolean {
      if (chunk === null) {
        this.holdBytes(0);
      } else if (String(chunk.length) !== this.headers["content-length"]) {
        this.collects ??= !isStreaming(this.headers["content-type"]);
        if (this.collects) {
          this.holdBytes(this.#heldBytes + chunk.length);
        }
      }
      const receiver = this.#receiver;
      if (receiver === undefined) {
        return super.push(chunk, encoding);
      }
      if (chunk === null) {
        receiver.onEnd();
      } else {
        receiver.onData(chunk);
      }
      return true;
    }

    #receiver: RequestBodyReceiver | undefined;

    /** Passes the body to the receiver without a stream, which would cost more than decoding it. False if a part of it is in the stream already. */
    takeBody(receiver: RequestBodyReceiver): boolean {
      const isWhole = !this.complete && this.readableLength === 0;
      if (isWhole) {
        this.#receiver = receiver;
      }
      return isWhole;
    }

    /** Node drops an unread body in this way when the response ends. */
    override resume(): this {
      return this.#receiver === undefined ? super.resume() : this;
    }

    /** Responds to the call with an error before its body is complete. Undefined without a call. */
    answerRefused: ((reason: () => ConnectError) => boolean) | undefined;

    evict(reason: () => ConnectError): void {
      if (this.answerRefused !== undefined) {
        pending.get(this.socket)?.stopReading();
      }
      if (this.answerRefused?.(reason) === true) {
        return;
      }
      onRefused("buffered_request_bytes", this.socket.remoteAddress ?? "unknown");
      this.socket.destroy();
    }

    /** Does nothing: a connection has only one body at a time. */
    wait(): void {}

    override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
      this.holdBytes(0);
      super._destroy(error, done);
    }

    /** Sets the number of buffered bytes. */
    holdBytes(bytes: number): void {
      if (bytes !== this.#heldBytes) {
        this.#heldBytes = bytes;
        pending.get(this.socket)?.bodies.hold(this, bytes);
      }
    }
  }

  class CountedResponse extends ServerResponse<CountedRequest> {
    override writeHead(statusCode: number, statusMessage?: string | Head, headers?: Head): this {
      if (state.draining || this.counts?.isRetired) {
        this.shouldKeepAlive = false;
      }
      return super.writeHead(statusCode, statusMessage as string, headers);
    }

    counts: Http1Connection | undefined;
    #unsentBytes = 0;

    override write(chunk: unknown, ...rest: never[]): boolean {
      const taken = super.write(chunk, ...rest);
      if (taken) {
        this.#count(-this.#unsentBytes);
      } else {
        this.#count(sizeOf(chunk));
      }
      return taken;
    }

    override end(chunk?: unknown, ...rest: never[]): this {
      const bytes = typeof chunk === "function" ? 0 : sizeOf(chunk);
      if (bytes >= countedBytesMin || (this.counts?.count ?? 0) > 1) {
        this.#count(bytes);
      }
      return super.end(chunk, ...rest);
    }

    override detachSocket(socket: Socket): void {
      if (this.counts !== undefined) {
        this.counts.count--;
        this.#count(-this.#unsentBytes);
      }
      super.detachSocket(socket);
      this.counts?.next();
    }

    #count(bytes: number): void {
      const connection = this.counts;
      if (bytes !== 0 && connection !== undefined && !connection.closed) {
        this.#unsentBytes += bytes;
        connection.unsentBytes += bytes;
        unsent.hold(connection, connection.unsentBytes);
      }
    }
  }

  const server = createServer(
    {
      IncomingMessage: CountedRequest,
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
      const connection = pending.get(socket);
      response.counts = connection;
      markActive(socket);
      if (connection === undefined) {
        begin(request, response);
      } else {
        if (connection.isDirect) {
          direct.check(connection, request.headers);
        }
        connection.add(() => begin(request, response));
      }
    },
  );
  function begin(request: CountedRequest, response: CountedResponse): void {
    if (quickRefusal?.refuse1(request, response) === true) {
      return;
    }
    const { host } = request.headers;
    if (hostCount(request.rawHeaders) > 1) {
      refuseRequest1(response, "The request has more than one Host header.");
    } else if (host !== undefined && !isHostField(host)) {
      refuseRequest1(response, "The Host header is not a host name or address with an optional port.");
    } else if (hostCheck?.(host) === false) {
      refuseHost1(request, response);
    } else if (path?.http1(request, response) !== true) {
      handle(request, response);
    }
  }
  server.timeout = limits.stallTimeoutMs;
  // Node starts its timeout checks on "listening", and this server never listens itself.
  server.emit("listening");
  return {
    accept(socket) {
      const group = turnGroupOf(socket);
      const connection = new Http1Connection(socket, {
        bodies: bodies.connection(),
        turns,
        group,
        requestsMax: limits.pipelinedRequestsMax,
        onEvicted: () => onRefused("buffered_response_bytes", socket.remoteAddress ?? "unknown"),
      });
      pending.set(socket, connection);
      const aging = {
        retire() {
          connection.isRetired = true;
        },
        cut() {
          // A request may be on its way on an idle connection, and would be lost. The next response closes it, or the idle timeout.
          if (!connection.isIdle) {
            socket.destroy();
          }
        },
      };
      socket.once("close", limitAge(aging, { limits, environment }));
      socket.once("close", () => {
        pending.delete(socket);
        connection.close();
        direct.delete(connection);
        unsent.hold(connection, 0);
      });
      const unreadBytes = socket.readableLength;
      server.emit("connection", socket);
      if (!direct.tryAdd(connection, unreadBytes)) {
        connection.pace();
      }
    },
    closeOneIdle() {
      let checkedCount = 0;
      for (const [socket, connection] of pending) {
        if (connection.isIdle) {
          pending.delete(socket);
          socket.destroy();
          return true;
        }
        if (++checkedCount === checkedMax) {
          return false;
        }
      }
      return false;
    },
    closeIdle() {
      // Node considers a connection idle if its request was read but not parsed.
      for (const connection of pending.values()) {
        connection.resumeReads();
      }
      server.closeIdleConnections();
    },
    close: () => server.close(),
    get connectionCount() {
      return pending.size;
    },
  };
}
