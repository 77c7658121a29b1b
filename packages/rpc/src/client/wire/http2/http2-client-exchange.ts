import { Code, ConnectError } from "@connectrpc/connect";
import type { AnyHttp2Stream } from "@parley/http2";
import { errorCode, fieldsToObject } from "@parley/http2";
import type { Clock } from "../../../environment/clock.ts";
import type { Deadlines, Expiring } from "../../../environment/deadlines.ts";
import { BodyCollector } from "../../../protocol/body-collector.ts";
import { isDeadline, markDeliveryStatus } from "../../call/attempt-outcome.ts";
import { canceledBy, resetAtDeadline } from "../../call/call-end.ts";
import type { Channel } from "../../connection/channel.ts";
import type { Connection } from "../../connection/client-connection.ts";
import { isTroubled } from "../troubled-answer.ts";
import type { HttpAnswer, NodeFields } from "../unary-answer.ts";
import type { ExchangeOutcome, UnaryRequestInit } from "../unary-exchange.ts";
import { Http2Call } from "./http2-call.ts";

/** A request over HTTP/2. */
export interface Http2Request extends UnaryRequestInit {
  /** The encoded headers. */
  readonly head: Uint8Array;
  readonly clock: Clock;
}

const noFields: NodeFields = {};

/**
 * A unary request and its response over HTTP/2, each with a body in one piece. One object and no closures: this code
 * runs for every call.
 */
export class Http2ClientExchange extends Http2Call implements Expiring, HttpAnswer {
  readonly endMs: number;
  /** Its links in the list of deadlines, which only the list changes. */
  previous: Expiring | undefined;
  next: Expiring | undefined;
  listed = false;
  settled = false;
  headers: NodeFields = noFields;
  trailers: NodeFields = noFields;
  readonly #deadlines: Deadlines<Http2ClientExchange>;
  readonly #request: Http2Request;
  readonly #outcome: ExchangeOutcome;
  readonly #body = new BodyCollector();

  constructor(
    channel: Channel,
    deadlines: Deadlines<Http2ClientExchange>,
    request: Http2Request,
    outcome: ExchangeOutcome,
  ) {
    super(channel);
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
    this.place();
  }

  protected override isTroubledAnswer(): boolean {
    return isTroubled(this);
  }

  protected override begin(connection: Connection): AnyHttp2Stream {
    const stream = connection.http2.open(this.#request.head);
    stream.listener = this;
    stream.end(this.#request.body);
    return stream;
  }

  onUnreachable(error: ConnectError): void {
    this.#settle(error);
  }

  expire(): void {
    this.#abandon(this.deadlineError());
  }

  /** The signal has aborted. */
  handleEvent(): void {
    const { signal } = this.#request;
    this.#abandon(isDeadline(signal?.reason) ? this.deadlineError() : canceledBy(signal));
  }

  onHeaders(fields: readonly string[]): void {
    this.headers = fieldsToObject(fields) as NodeFields;
    this.received();
  }

  onData(chunk: Buffer): void {
    if (this.settled) {
      return;
    }
    this.#body.add(chunk);
    this.stream?.taken(chunk.length);
    if (this.#body.length !== chunk.length && this.#request.clock.monotonic() >= this.endMs) {
      // Checked here too, since the timer has to wait while pieces keep arriving.
      this.expire();
    } else if (this.#body.length > this.#request.bodyBytesMax) {
      const message = `the response is larger than the limit of ${this.#request.bodyBytesMax} bytes`;
      this.#abandon(markDeliveryStatus(new ConnectError(message, Code.ResourceExhausted), "answered"));
    }
  }

  onTrailers(fields: readonly string[]): void {
    this.trailers = fieldsToObject(fields) as NodeFields;
  }

  onEnd(): void {
    this.#settle(undefined);
  }

  onClose(): void {
    if (!this.settled && this.stream !== undefined) {
      const error = this.closeError(this.stream);
      this.#settle(resetAtDeadline(error, this.endMs - this.#request.clock.monotonic()));
    }
  }

  #abandon(error: ConnectError): void {
    const stream = this.stream;
    this.#settle(error);
    // RST_STREAM with CANCEL tells the server that the response is no longer wanted.
    stream?.reset(errorCode.cancel);
  }

  #settle(error: ConnectError | undefined): void {
    if (this.settled) {
      return;
    }
    this.settled = true;
    this.#request.signal?.removeEventListener("abort", this);
    this.#deadlines.delete(this);
    this.giveBack(error);
    if (error === undefined) {
      this.#outcome.onAnswer(this);
    } else {
      this.#outcome.onFailure(error);
    }
  }
}
