import type { ClientRequest, IncomingMessage } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "../../../environment/clock.ts";
import type { Deadlines, Expiring } from "../../../environment/deadlines.ts";
import { BodyCollector } from "../../../protocol/body-collector.ts";
import { markDeliveryStatus } from "../../call/attempt-outcome.ts";
import { canceledBy, deadlinePassed } from "../../call/call-end.ts";
import type { HttpAnswer, NodeFields } from "../unary-answer.ts";
import type { ExchangeOutcome, UnaryRequestInit } from "../unary-exchange.ts";
import {
  boundInterimResponses,
  brokenConnection,
  type Http1RequestInit,
  noConnection,
  openHttp1Request,
} from "./http1-request.ts";

/** A request over HTTP/1.1 with its body in one piece. */
export interface Http1Request extends UnaryRequestInit {
  readonly init: Http1RequestInit;
  readonly clock: Clock;
}

/** A unary request and its response over HTTP/1.1, each with a body in one piece. */
export class Http1ClientExchange implements Expiring, HttpAnswer {
  readonly endMs: number;
  /** Its links in the list of deadlines, which only the list changes. */
  previous: Expiring | undefined;
  next: Expiring | undefined;
  listed = false;
  settled = false;
  status = 0;
  headers: NodeFields = {};
  readonly trailers: NodeFields = {};
  readonly #deadlines: Deadlines<Http1ClientExchange>;
  readonly #request: Http1Request;
  readonly #outcome: ExchangeOutcome;
  readonly #body = new BodyCollector();
  #pending: ClientRequest | undefined;
  #connected = false;

  constructor(deadlines: Deadlines<Http1ClientExchange>, request: Http1Request, outcome: ExchangeOutcome) {
    this.#deadlines = deadlines;
    this.#request = request;
    this.#outcome = outcome;
    this.endMs = request.deadlineMs;
  }

  get body(): Buffer {
    return this.#body.bytes();
  }

  /** Throws a ConnectError for an invalid header. */
  start(): void {
    const { init, body, signal } = this.#request;
    const pending = openHttp1Request(init);
    this.#pending = pending;
    signal?.addEventListener("abort", this);
    if (this.endMs !== Number.POSITIVE_INFINITY) {
      this.#deadlines.add(this);
    }
    pending.on("socket", () => {
      this.#connected = true;
    });
    pending.on("error", (error) =>
      this.#fail(this.#connected ? brokenConnection(error) : noConnection(init.target, error)),
    );
    boundInterimResponses(pending);
    pending.on("response", (response) => this.#receive(response));
    pending.end(body);
  }

  expire(): void {
    this.#fail(deadlinePassed(this.#connected ? "unknown" : "unreachable"));
  }

  /** The signal has aborted. */
  handleEvent(): void {
    this.#fail(canceledBy(this.#request.signal));
  }

  #receive(response: IncomingMessage): void {
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    response.on("data", (chunk: Buffer) => {
      if (this.settled) {
        return;
      }
      this.#body.add(chunk);
      if (this.#request.clock.monotonic() >= this.endMs) {
        // Checked here too, since the timer has to wait while pieces keep arriving.
        this.expire();
      } else if (this.#body.length > this.#request.bodyBytesMax) {
        const message = `the response is larger than the limit of ${this.#request.bodyBytesMax} bytes`;
        this.#fail(markDeliveryStatus(new ConnectError(message, Code.ResourceExhausted), "answered"));
      }
    });
    response.on("error", (error) => this.#fail(brokenConnection(error)));
    response.on("close", () => {
      if (response.complete) {
        this.#settle(undefined);
      } else {
        this.#fail(markDeliveryStatus(new ConnectError("the connection was lost", Code.Unavailable), "lost"));
      }
    });
  }

  #fail(error: ConnectError): void {
    this.#settle(error);
    this.#pending?.destroy();
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
