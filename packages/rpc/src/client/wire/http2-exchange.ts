import { type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { isDeadline, markOwnTimer, markReach } from "../attempt-outcome.ts";
import type { Channel, ConnectionWaiter } from "../connection/channel.ts";
import type { Connection } from "../connection/connection.ts";
import { Body } from "./body.ts";
import type { DeadlineWatch, Expiring } from "./deadline-watch.ts";
import { connectionLost, errorFromReset } from "./http2-errors.ts";
import type { HttpAnswer, NodeFields } from "./unary-answer.ts";

/** One request and its answer. */
export interface ExchangeRequest {
  /** Names and values in turn, pseudo-headers first, as `node:http2` takes them without looking further. */
  readonly head: string[];
  readonly body: Buffer;
  /** The most bytes that the answer's body may have. */
  readonly bodyBytesMax: number;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
}

/** What becomes of an exchange: exactly one of the two is called, once. */
export interface ExchangeOutcome {
  onAnswer(answer: HttpAnswer): void;
  onFailure(error: ConnectError): void;
}

/** How often a call is put on another connection because the one it was given had gone; a bound against going round for ever. */
const placementsMax = 8;

const exchangeKey = Symbol("exchange");
type ExchangeStream = ClientHttp2Stream & { [exchangeKey]: Http2Exchange };

const noFields: NodeFields = {};

/**
 * A request and its answer over HTTP/2, with the body of each in one piece. One object and no closures: this is the part of a call that
 * runs for every call.
 */
export class Http2Exchange implements ConnectionWaiter, Expiring, HttpAnswer {
  readonly deadlineMs: number;
  headers: NodeFields = noFields;
  trailers: NodeFields = noFields;
  readonly #channel: Channel;
  readonly #watch: DeadlineWatch;
  readonly #request: ExchangeRequest;
  readonly #outcome: ExchangeOutcome;
  readonly #body = new Body();
  #connection: Connection | undefined;
  #stream: ClientHttp2Stream | undefined;
  #receivedBefore = 0;
  #placements = 0;
  #complete = false;
  #settled = false;

  constructor(channel: Channel, watch: DeadlineWatch, request: ExchangeRequest, outcome: ExchangeOutcome) {
    this.#channel = channel;
    this.#watch = watch;
    this.#request = request;
    this.#outcome = outcome;
    this.deadlineMs = request.deadlineMs;
  }

  get status(): number {
    return Number(this.headers[":status"]);
  }

  get body(): Buffer {
    return this.#body.bytes();
  }

  start(): void {
    const { signal } = this.#request;
    if (signal !== undefined) {
      signal.addEventListener("abort", this);
    }
    if (this.deadlineMs !== Number.POSITIVE_INFINITY) {
      this.#watch.add(this);
    }
    this.#place();
  }

  #place(): void {
    const connection = this.#channel.acquire();
    if (connection === undefined) {
      this.#channel.wait(this);
    } else {
      this.onConnection(connection);
    }
  }

  onConnection(connection: Connection): void {
    this.#connection = connection;
    this.#receivedBefore = connection.receivedCount;
    this.#placements++;
    let stream: ClientHttp2Stream;
    try {
      stream = connection.session.request(this.#request.head as unknown as OutgoingHttpHeaders, streamOptions);
    } catch (error) {
      // Node refuses a header that must not be sent. Nothing left, and trying again would change nothing.
      this.#settle(markReach(ConnectError.from(error, Code.Internal), "unreachable"));
      return;
    }
    this.#stream = stream;
    (stream as ExchangeStream)[exchangeKey] = this;
    stream.on("response", onResponse);
    stream.on("data", onData);
    stream.on("trailers", onTrailers);
    stream.on("end", onEnd);
    stream.on("error", onError);
    stream.on("close", onClose);
    stream.end(this.#request.body);
  }

  onUnreachable(error: ConnectError): void {
    this.#settle(error);
  }

  onDeadline(): void {
    const error = new ConnectError("the operation timed out", Code.DeadlineExceeded);
    if (this.#connection === undefined) {
      markReach(error, "unreachable");
    } else if (this.#connection.receivedCount === this.#receivedBefore) {
      // Nothing at all came since this call was sent: the other side may be gone without a word.
      this.#connection.probe();
    }
    this.#abandon(markOwnTimer(error));
  }

  /** The signal has aborted. */
  handleEvent(): void {
    if (isDeadline(this.#request.signal?.reason)) {
      this.onDeadline();
      return;
    }
    const reason = ConnectError.from(this.#request.signal?.reason, Code.Canceled);
    this.#abandon(reason === this.#request.signal?.reason ? copyOf(reason) : reason);
  }

  onResponse(headers: NodeFields): void {
    this.headers = headers;
    if (this.#connection !== undefined) {
      this.#connection.receivedCount++;
    }
  }

  onData(chunk: Buffer): void {
    this.#body.add(chunk);
    if (this.#body.length > this.#request.bodyBytesMax && !this.#settled) {
      const message = `the answer is larger than ${this.#request.bodyBytesMax} bytes`;
      this.#abandon(markReach(new ConnectError(message, Code.ResourceExhausted), "answered"));
    }
  }

  onEnd(): void {
    this.#complete = true;
    if (this.trailers !== noFields) {
      this.#settle(undefined);
    }
  }

  onClose(stream: ClientHttp2Stream): void {
    if (this.#settled) {
      return;
    }
    const connection = this.#connection;
    const id = stream.id;
    if (this.headers !== noFields && this.#complete && stream.rstCode === constants.NGHTTP2_NO_ERROR) {
      this.#settle(undefined);
    } else if (id === undefined && this.#placements < placementsMax) {
      // It never left: the connection had gone before. Nothing is repeated by taking the next one.
      this.#giveBack();
      this.#place();
    } else if (connection !== undefined && id !== undefined && id > connection.lastStreamId) {
      this.#settle(markReach(new ConnectError("the server is going away", Code.Unavailable), "refused"));
    } else if (id === undefined) {
      this.#settle(markReach(connectionLost(), "unsent"));
    } else {
      this.#settle(connection?.lost ? connectionLost() : errorFromReset(stream.rstCode));
    }
  }

  #abandon(error: ConnectError): void {
    this.#channel.forget(this);
    const stream = this.#stream;
    this.#settle(error);
    // RST_STREAM with CANCEL tells the server that nobody waits for the answer any more.
    stream?.close(constants.NGHTTP2_CANCEL);
  }

  #settle(error: ConnectError | undefined): void {
    if (this.#settled) {
      return;
    }
    this.#settled = true;
    this.#request.signal?.removeEventListener("abort", this);
    this.#watch.delete(this);
    this.#giveBack();
    if (error === undefined) {
      this.#outcome.onAnswer(this);
    } else {
      this.#outcome.onFailure(error);
    }
  }

  #giveBack(): void {
    const connection = this.#connection;
    if (connection !== undefined) {
      this.#connection = undefined;
      this.#channel.release(connection);
    }
  }
}

const streamOptions = { endStream: false };

// One function for each event, shared by all streams: a closure for each would cost as much as the rest of the call.
function onResponse(this: unknown, headers: NodeFields): void {
  (this as ExchangeStream)[exchangeKey].onResponse(headers);
}
function onData(this: unknown, chunk: Buffer): void {
  (this as ExchangeStream)[exchangeKey].onData(chunk);
}
function onTrailers(this: unknown, trailers: NodeFields): void {
  (this as ExchangeStream)[exchangeKey].trailers = trailers;
}
function onEnd(this: unknown): void {
  (this as ExchangeStream)[exchangeKey].onEnd();
}
/** What went wrong is told by "close", which follows with the code; an error that nobody hears would end the process. */
function onError(): void {}
function onClose(this: unknown): void {
  const stream = this as ExchangeStream;
  stream[exchangeKey].onClose(stream);
}

/** An abort reason may be shared by many calls; what is noted on an error must not be. */
function copyOf(error: ConnectError): ConnectError {
  return new ConnectError(error.rawMessage, error.code, undefined, undefined, error);
}
