import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";
import { givenRequestId, requestIdHeader, traceIdHeader } from "../../../call/request-id.ts";
import { BodyCollector } from "../../../protocol/body-collector.ts";
import { peerOf } from "../../http/peer.ts";
import { cutStalledSocket } from "../../http/slow-client.ts";
import {
  type Answer,
  type AnswerHead,
  type BodyReceiver,
  type Exchange,
  emptyBody,
  type PieceReceiver,
} from "./exchange.ts";

/** A request over HTTP/1.1. It has no trailers, so it cannot serve gRPC. */
export class Http1Exchange implements Exchange {
  readonly requestMethod: string;
  readonly target: string;
  answerTraceId: string | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #bytesMax = 0;
  readonly #body = new BodyCollector();
  #receiver: BodyReceiver | undefined;
  #pieceReceiver: PieceReceiver | undefined;
  /** The bytes of unprocessed pieces. */
  #unprocessedBytes = 0;
  #whenGone: ((reason: () => ConnectError) => void) | undefined;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
    this.requestMethod = request.method ?? "";
    this.target = request.url ?? "";
    // The request itself needs no listener: Node emits an aborted request's error only if there is one.
    response.on("error", ignore);
    response.on("timeout", cutStalledSocket);
  }

  get headers(): IncomingHttpHeaders {
    return this.#request.headers;
  }

  get url(): string {
    const scheme = "encrypted" in this.#request.socket ? "https" : "http";
    return `${scheme}://${this.headers.host ?? "localhost"}${this.target}`;
  }

  get peer(): string {
    return peerOf(this.#request.socket);
  }

  get connection(): object {
    return this.#request.socket;
  }

  readonly headerBytesMax = Number.POSITIVE_INFINITY;

  get bodyBytes(): number {
    return this.#body.length;
  }

  get open(): boolean {
    return !this.#response.destroyed && !this.#request.socket.destroyed;
  }

  readBody(bytesMax: number, receiver: BodyReceiver): void {
    this.#bytesMax = bytesMax;
    this.#receiver = receiver;
    const request = this.#request as ExchangeRequest;
    request.collects = true;
    if (request.takeBody?.(this) === true) {
      request[exchangeKey] = this;
      request.answerRefused = answerRefused;
    } else {
      this.#listen();
    }
  }

  readPieces(receiver: PieceReceiver): void {
    this.#pieceReceiver = receiver;
    (this.#request as ExchangeRequest).collects = false;
    this.#listen();
  }

  #listen(): void {
    const request = this.#request as ExchangeRequest;
    request[exchangeKey] = this;
    request.answerRefused = answerRefused;
    // Starts reading now. Otherwise Node finds the body unread when the response ends, if the body arrived with the headers, and removes
    // the listeners to drop it.
    request.read(0);
    request.on("data", onData);
    request.on("end", onEnd);
  }

  hold(bytes: number): void {
    (this.#request as ExchangeRequest).holdBytes?.(bytes);
  }

  taken(bytes: number): void {
    this.#unprocessedBytes -= bytes;
    if (this.#unprocessedBytes < unprocessedBytesMax && this.#request.isPaused()) {
      this.#request.resume();
    }
  }

  onData(chunk: Buffer): void {
    if (this.#pieceReceiver !== undefined) {
      this.#unprocessedBytes += chunk.length;
      this.#pieceReceiver.onPiece(chunk);
      if (this.#unprocessedBytes >= unprocessedBytesMax) {
        this.#request.pause();
      }
      return;
    }
    const bytesMax = this.#bytesMax;
    const body = this.#body;
    if (body.length > bytesMax) {
      body.skip(chunk.length);
      return;
    }
    body.add(chunk);
    if (body.length > bytesMax) {
      this.#receiver?.onBodyTooLong(body.takeBytes());
    }
  }

  /** Answers the call with the error. False if it cannot. */
  onRefused(error: ConnectError): boolean {
    const receiver = this.#pieceReceiver ?? this.#receiver;
    if (receiver === undefined || this.#response.headersSent) {
      return false;
    }
    (this.#request as ExchangeRequest).collects = false;
    this.#bytesMax = -1;
    this.#body.drop();
    receiver.onRefused(error);
    return true;
  }

  onEnd(): void {
    if (this.#pieceReceiver !== undefined) {
      this.#pieceReceiver.onPiecesEnd();
    } else if (this.#body.length <= this.#bytesMax) {
      this.#receiver?.onBody(this.#body.takeBytes());
    }
  }

  respond({ status, headers, body = emptyBody }: Answer): void {
    if (!this.open) {
      return;
    }
    headers["content-length"] = body.length;
    this.#addIds(headers);
    // The rest of the body is read and dropped, here or by Node. If the connection closed while the client still sends, the client
    // would lose the response. `Server.requestTimeout` bounds how long this lasts.
    this.#response.writeHead(status, headers);
    if (body.length <= oneStringBytesMax) {
      const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      this.#response.end(bytes.toString("latin1"), "latin1");
    } else {
      this.#response.end(body);
    }
  }

  /** Adds the caller's request id, and the {@link answerTraceId}, if they are set. */
  #addIds(headers: OutgoingHttpHeaders): void {
    const id = givenRequestId(this.headers[requestIdHeader]);
    if (id !== undefined) {
      headers[requestIdHeader] ??= id;
    }
    if (this.answerTraceId !== undefined) {
      headers[traceIdHeader] ??= this.answerTraceId;
    }
  }

  sendHead({ status, headers, alone }: AnswerHead): void {
    if (this.open) {
      this.#addIds(headers);
      this.#response.writeHead(status, headers);
      if (alone) {
        this.#response.flushHeaders();
      }
    }
  }

  sendPart(bytes: Uint8Array): void {
    if (this.open) {
      this.#response.write(bytes);
    }
  }

  get writable(): boolean {
    return !this.#response.writableNeedDrain;
  }

  onWritable(callback: () => void): void {
    this.#response.once("drain", callback);
  }

  finish({ body }: Pick<Answer, "body">): void {
    if (this.open) {
      this.#response.end(body);
    }
  }

  abandon(): void {
    this.#response.destroy();
  }

  onGone(callback: (reason: () => ConnectError) => void): void {
    this.#whenGone = callback;
    const response = this.#response as ExchangeResponse;
    response[exchangeKey] = this;
    response.on("close", onClose);
  }

  onClose(): void {
    this.#whenGone?.(reasonOfClose);
  }
}

/** Backpressure: with this many unprocessed bytes, the request is paused. */
const unprocessedBytesMax = 65_536;

const exchangeKey = Symbol("exchange");

type ExchangeRequest = IncomingMessage & {
  [exchangeKey]?: Http1Exchange;
  collects?: boolean;
  takeBody?(receiver: Http1Exchange): boolean;
  answerRefused?(reason: () => ConnectError): boolean;
  holdBytes?(bytes: number): void;
};
type ExchangeResponse = ServerResponse & { [exchangeKey]?: Http1Exchange };

// Shared listeners, so that a request needs no closures.
function onData(this: ExchangeRequest, chunk: Buffer): void {
  this[exchangeKey]?.onData(chunk);
}

function answerRefused(this: ExchangeRequest, reason: () => ConnectError): boolean {
  return this[exchangeKey]?.onRefused(reason()) === true;
}

function onEnd(this: ExchangeRequest): void {
  this[exchangeKey]?.onEnd();
}

function onClose(this: ExchangeResponse): void {
  this[exchangeKey]?.onClose();
}

/**
 * Node writes headers and a string body as one string, but headers and a buffer body as two buffers, which takes much longer. Latin-1 maps
 * each byte to one character, so any bytes can be sent as a string. For larger bodies the copy costs more than it saves.
 */
const oneStringBytesMax = 16_384;

function reasonOfClose(): ConnectError {
  return new ConnectError("The caller cancelled the call or closed its connection.", Code.Canceled);
}

function ignore(): void {}
