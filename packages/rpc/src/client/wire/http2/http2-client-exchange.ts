import { Code, ConnectError } from "@connectrpc/connect";
import type { Http2Stream, StreamListener } from "@parley/http2";
import { errorCode, fieldsToObject } from "@parley/http2";
import type { Deadlines, Expiring } from "../../../environment/deadlines.ts";
import { BodyCollector } from "../../../protocol/body-collector.ts";
import { isDeadline, markReach } from "../../call/attempt-outcome.ts";
import { canceledBy, deadlinePassed } from "../../call/call-end.ts";
import type { Channel, ConnectionWaiter } from "../../connection/channel.ts";
import type { Connection } from "../../connection/client-connection.ts";
import type { HttpAnswer, NodeFields } from "../unary-answer.ts";
import type { ExchangeOutcome, UnaryRequestInit } from "../unary-exchange.ts";
import { connectionLost, errorFromReset } from "./http2-errors.ts";

/** A request over HTTP/2. */
export interface Http2Request extends UnaryRequestInit {
  /** The headers, as HTTP/2 writes them. */
  readonly head: Uint8Array;
}

/** How often a call is put on another connection because the one it was given had gone; a bound against going round for ever. */
const placementsMax = 8;

const noFields: NodeFields = {};

/**
 * A request and its answer over HTTP/2, with the body of each in one piece. One object and no closures: this is the part of a call that
 * runs for every call.
 */
export class Http2ClientExchange implements ConnectionWaiter, Expiring, HttpAnswer, StreamListener {
  readonly endMs: number;
  /** Its place among the calls with deadlines, which the list alone changes. */
  previous: Expiring | undefined;
  next: Expiring | undefined;
  listed = false;
  settled = false;
  headers: NodeFields = noFields;
  trailers: NodeFields = noFields;
  readonly #channel: Channel;
  readonly #deadlines: Deadlines<Http2ClientExchange>;
  readonly #request: Http2Request;
  readonly #outcome: ExchangeOutcome;
  readonly #body = new BodyCollector();
  #connection: Connection | undefined;
  #stream: Http2Stream | undefined;
  #receivedBefore = 0;
  #placements = 0;

  constructor(
    channel: Channel,
    deadlines: Deadlines<Http2ClientExchange>,
    request: Http2Request,
    outcome: ExchangeOutcome,
  ) {
    this.#channel = channel;
    this.#deadlines = deadlines;
    this.#request = request;
    this.#outcome = outcome;
    this.endMs = request.deadlineMs;
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
    if (this.endMs !== Number.POSITIVE_INFINITY) {
      this.#deadlines.add(this);
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

  expire(): void {
    const connection = this.#connection;
    if (connection?.receivedCount === this.#receivedBefore) {
      // Nothing at all came since this call was sent: the other side may be gone without a word.
      connection.probe();
    }
    this.#abandon(deadlinePassed(connection === undefined ? "unreachable" : "unknown"));
  }

  /** The signal has aborted. */
  handleEvent(): void {
    if (isDeadline(this.#request.signal?.reason)) {
      this.expire();
      return;
    }
    this.#abandon(canceledBy(this.#request.signal));
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
    if (this.#body.length > this.#request.bodyBytesMax && !this.settled) {
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
    if (this.settled || stream === undefined) {
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
    if (this.settled) {
      return;
    }
    this.settled = true;
    this.#request.signal?.removeEventListener("abort", this);
    this.#deadlines.delete(this);
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
