import { Code, ConnectError } from "@connectrpc/connect";
import type { Http2Stream, StreamListener } from "@parley/http2";
import { errorCode, fieldsToObject } from "@parley/http2";
import { isDeadline, markOwnTimer, markReach } from "../../attempt-outcome.ts";
import type { Channel, ConnectionWaiter } from "../../connection/channel.ts";
import type { Connection } from "../../connection/client-connection.ts";
import { Body } from "../body.ts";
import type { DeadlineWatch, Expiring } from "../deadline-watch.ts";
import type { HttpAnswer, NodeFields } from "../unary-answer.ts";
import { connectionLost, errorFromReset } from "./http2-errors.ts";

/** One request and its answer. */
export interface ExchangeRequest {
  /** The headers, as HTTP/2 writes them. */
  readonly head: Uint8Array;
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

const noFields: NodeFields = {};

/**
 * A request and its answer over HTTP/2, with the body of each in one piece. One object and no closures: this is the part of a call that
 * runs for every call.
 */
export class Http2Exchange implements ConnectionWaiter, Expiring, HttpAnswer, StreamListener {
  readonly deadlineMs: number;
  headers: NodeFields = noFields;
  trailers: NodeFields = noFields;
  readonly #channel: Channel;
  readonly #watch: DeadlineWatch;
  readonly #request: ExchangeRequest;
  readonly #outcome: ExchangeOutcome;
  readonly #body = new Body();
  #connection: Connection | undefined;
  #stream: Http2Stream | undefined;
  #receivedBefore = 0;
  #placements = 0;
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
    if (connection.http2.closing && this.#placements < placementsMax) {
      // It went away between the two. Nothing is repeated by taking the next one.
      this.#giveBack();
      this.#place();
      return;
    }
    const stream = connection.http2.open(this.#request.head);
    this.#stream = stream;
    stream.listener = this;
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

  onHeaders(fields: readonly string[]): void {
    this.headers = fieldsToObject(fields) as NodeFields;
    if (this.#connection !== undefined) {
      this.#connection.receivedCount++;
    }
  }

  onData(chunk: Buffer): void {
    this.#body.add(chunk);
    this.#stream?.taken(chunk.length);
    if (this.#body.length > this.#request.bodyBytesMax && !this.#settled) {
      const message = `the answer is larger than ${this.#request.bodyBytesMax} bytes`;
      this.#abandon(markReach(new ConnectError(message, Code.ResourceExhausted), "answered"));
    }
  }

  onTrailers(fields: readonly string[]): void {
    this.trailers = fieldsToObject(fields) as NodeFields;
  }

  onEnd(): void {
    this.#settle(undefined);
  }

  onClose(): void {
    const stream = this.#stream;
    if (this.#settled || stream === undefined) {
      return;
    }
    const connection = this.#connection;
    if (connection !== undefined && stream.id > connection.lastStreamId) {
      this.#settle(markReach(new ConnectError("the server is going away", Code.Unavailable), "refused"));
    } else {
      this.#settle(connection?.lost ? connectionLost() : errorFromReset(stream.resetCode));
    }
  }

  #abandon(error: ConnectError): void {
    this.#channel.forget(this);
    const stream = this.#stream;
    this.#settle(error);
    // RST_STREAM with CANCEL tells the server that nobody waits for the answer any more.
    stream?.reset(errorCode.cancel);
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

/** An abort reason may be shared by many calls; what is noted on an error must not be. */
function copyOf(error: ConnectError): ConnectError {
  return new ConnectError(error.rawMessage, error.code, undefined, undefined, error);
}
