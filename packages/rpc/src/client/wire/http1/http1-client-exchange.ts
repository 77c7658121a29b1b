import { type ClientRequest, type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Deadlines, Expiring } from "../../../environment/deadlines.ts";
import { BodyCollector } from "../../../protocol/body-collector.ts";
import { markReach } from "../../call/attempt-outcome.ts";
import { canceledBy, deadlinePassed } from "../../call/call-end.ts";
import { headerBytesMax } from "../../connection/client-connection.ts";
import type { Endpoint, Target } from "../../connection/target.ts";
import type { HttpAnswer, NodeFields } from "../unary-answer.ts";
import type { ExchangeOutcome, UnaryRequestInit } from "../unary-exchange.ts";

/** A request over HTTP/1.1: method, path and fields as `node:http` takes them. */
export interface Http1Request extends UnaryRequestInit {
  readonly options: RequestOptions;
}

/** A request and its answer over HTTP/1.1, with the body of each in one piece. Places are tried in turn until one can be connected to. */
export class Http1ClientExchange implements Expiring, HttpAnswer {
  readonly endMs: number;
  /** Its place among the calls with deadlines, which the list alone changes. */
  previous: Expiring | undefined;
  next: Expiring | undefined;
  listed = false;
  settled = false;
  status = 0;
  headers: NodeFields = {};
  readonly trailers: NodeFields = {};
  readonly #target: Target;
  readonly #deadlines: Deadlines<Http1ClientExchange>;
  readonly #request: Http1Request;
  readonly #outcome: ExchangeOutcome;
  readonly #body = new BodyCollector();
  #pending: ClientRequest | undefined;

  constructor(
    target: Target,
    deadlines: Deadlines<Http1ClientExchange>,
    request: Http1Request,
    outcome: ExchangeOutcome,
  ) {
    this.#target = target;
    this.#deadlines = deadlines;
    this.#request = request;
    this.#outcome = outcome;
    this.endMs = request.deadlineMs;
  }

  get body(): Buffer {
    return this.#body.bytes();
  }

  start(): void {
    this.#request.signal?.addEventListener("abort", this);
    if (this.endMs !== Number.POSITIVE_INFINITY) {
      this.#deadlines.add(this);
    }
    this.#target.resolve().then(
      (endpoints) => this.#try(endpoints, 0, new Error("it has no address")),
      (error) => this.#unreachable(error),
    );
  }

  expire(): void {
    this.#fail(deadlinePassed(this.#pending === undefined ? "unreachable" : "unknown"));
  }

  /** The signal has aborted. */
  handleEvent(): void {
    this.#fail(canceledBy(this.#request.signal));
  }

  #try(endpoints: readonly Endpoint[], index: number, previous: Error): void {
    const endpoint = endpoints[index];
    if (this.settled) {
      return;
    }
    if (endpoint === undefined) {
      this.#unreachable(previous);
      return;
    }
    const send = this.#target.scheme === "https" ? requestHttps : requestHttp;
    let pending: ClientRequest;
    try {
      pending = send({
        ...this.#request.options,
        host: endpoint.host,
        port: endpoint.port,
        maxHeaderSize: headerBytesMax,
      });
    } catch (error) {
      // Node refuses a header that must not be sent.
      this.#settle(markReach(ConnectError.from(error, Code.Internal), "unreachable"));
      return;
    }
    let connected = false;
    this.#pending = pending;
    pending.on("socket", (socket) => {
      connected = pending.reusedSocket;
      if (!connected) {
        socket.once(this.#target.scheme === "https" ? "secureConnect" : "connect", () => {
          connected = true;
        });
      }
    });
    pending.on("error", (error) => {
      if (connected) {
        this.#fail(errorOf(error));
      } else {
        this.#pending = undefined;
        this.#try(endpoints, index + 1, error);
      }
    });
    pending.on("response", (response) => this.#receive(response));
    pending.end(this.#request.body);
  }

  #receive(response: IncomingMessage): void {
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    response.on("data", (chunk: Buffer) => {
      this.#body.add(chunk);
      if (this.#body.length > this.#request.bodyBytesMax) {
        const message = `the answer is larger than ${this.#request.bodyBytesMax} bytes`;
        this.#fail(markReach(new ConnectError(message, Code.ResourceExhausted), "answered"));
      }
    });
    response.on("error", (error) => this.#fail(errorOf(error)));
    response.on("close", () => {
      if (response.complete) {
        this.#settle(undefined);
      } else {
        this.#fail(markReach(new ConnectError("the connection was lost", Code.Unavailable), "lost"));
      }
    });
  }

  #unreachable(cause: Error): void {
    const message = `cannot connect to ${this.#target.name}: ${cause.message || String((cause as NodeJS.ErrnoException).code)}`;
    this.#settle(markReach(new ConnectError(message, Code.Unavailable, undefined, undefined, cause), "unreachable"));
  }

  #fail(error: ConnectError): void {
    const pending = this.#pending;
    this.#settle(error);
    pending?.destroy();
  }

  #settle(error: ConnectError | undefined): void {
    if (this.settled) {
      return;
    }
    this.settled = true;
    this.#request.signal?.removeEventListener("abort", this);
    this.#deadlines.delete(this);
    if (error === undefined) {
      this.#outcome.onAnswer(this);
    } else {
      this.#outcome.onFailure(error);
    }
  }
}

/** What the connection broke with. An answer that is no HTTP is the server's fault; the rest may mend. */
function errorOf(error: NodeJS.ErrnoException): ConnectError {
  const isNoHttp = error.code?.startsWith("HPE_") === true;
  const code = isNoHttp ? Code.Internal : Code.Unavailable;
  const failed = new ConnectError(`the connection failed: ${error.message}`, code, undefined, undefined, error);
  return markReach(failed, isNoHttp ? "answered" : "lost");
}
