import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import type { AnyHttp2Stream, StreamListener } from "@parley/http2";
import { encodeFields, errorCode, objectToFields } from "@parley/http2";
import { givenRequestId, requestIdHeader, traceIdHeader } from "../../../call/request-id.ts";
import { BodyCollector } from "../../../protocol/body-collector.ts";
import { headerListBytes } from "../../../protocol/grpc-status.ts";
import { peerOf } from "../../http/peer.ts";
import type { Answer, AnswerHead, BodyReceiver, Exchange, PieceReceiver } from "./exchange.ts";
import type { Answering, StallWatch } from "./stall-watch.ts";

interface Http2ExchangeInit {
  readonly headers: IncomingHttpHeaders;
  readonly stalls: StallWatch;
  readonly socket: Socket;
}

/** A request on an HTTP/2 stream. */
export class Http2Exchange implements Exchange, Answering, StreamListener {
  readonly headers: IncomingHttpHeaders;
  readonly requestMethod: string;
  readonly target: string;
  readonly stream: AnyHttp2Stream;
  /** Links in the list of the stall watch. Only the watch changes them. */
  previous: Answering | undefined;
  next: Answering | undefined;
  listed = false;
  unreadBytes = -1;
  answerTraceId: string | undefined;
  readonly #stalls: StallWatch;
  #bodyEnded = false;
  #bytesMax = 0;
  readonly #body = new BodyCollector();
  #receiver: BodyReceiver | undefined;
  #pieceReceiver: PieceReceiver | undefined;
  #whenGone: ((reason: () => ConnectError) => void) | undefined;
  readonly #socket: Socket;

  constructor(stream: AnyHttp2Stream, { headers, stalls, socket }: Http2ExchangeInit) {
    this.stream = stream;
    this.#socket = socket;
    this.#stalls = stalls;
    this.headers = headers;
    this.requestMethod = String(headers[":method"]);
    this.target = String(headers[":path"]);
    stream.listener = this;
  }

  get url(): string {
    const { ":scheme": scheme = "http", ":authority": authority, host } = this.headers;
    return `${scheme}://${authority ?? host ?? "localhost"}${this.target}`;
  }

  get peer(): string {
    return peerOf(this.#socket);
  }

  get connection(): object {
    return this.#socket;
  }

  get headerBytesMax(): number {
    return this.stream.peerHeaderBytesMax;
  }

  get bodyBytes(): number {
    return this.#body.length;
  }

  get open(): boolean {
    return !this.stream.closed;
  }

  readBody(bytesMax: number, receiver: BodyReceiver): void {
    this.#bytesMax = bytesMax;
    this.#receiver = receiver;
    this.stream.collects = true;
  }

  readPieces(receiver: PieceReceiver): void {
    this.#pieceReceiver = receiver;
  }

  taken(bytes: number): void {
    this.stream.taken(bytes);
  }

  hold(bytes: number): void {
    this.stream.holdBytes(bytes);
  }

  onData(chunk: Buffer): void {
    if (this.#pieceReceiver !== undefined) {
      this.#pieceReceiver.onPiece(chunk);
      return;
    }
    const bytesMax = this.#bytesMax;
    this.stream.taken(chunk.length);
    const body = this.#body;
    if (body.length > bytesMax) {
      body.skip(chunk.length);
      return;
    }
    body.add(chunk);
    if (body.length > bytesMax) {
      this.#receiver?.onBodyTooLong(body.takeBytes());
      this.#holdNothing();
    }
  }

  onEnd(): void {
    this.#bodyEnded = true;
    if (this.#pieceReceiver !== undefined) {
      this.#pieceReceiver.onPiecesEnd();
    } else if (this.#body.length <= this.#bytesMax) {
      this.#receiver?.onBody(this.#body.takeBytes());
    }
  }

  /** The response's header block, with the caller's request id and the {@link answerTraceId}, if they are set. */
  #headBlock({ status, headers, prepared }: Pick<Answer, "status" | "headers" | "prepared">): Uint8Array {
    const id = givenRequestId(this.headers[requestIdHeader]);
    const traceId = this.answerTraceId;
    if (prepared !== undefined) {
      const fields = id === undefined ? [] : [requestIdHeader, id];
      if (traceId !== undefined) {
        fields.push(traceIdHeader, traceId);
      }
      return fields.length === 0 ? prepared : encodeFields(fields, prepared);
    }
    if (id !== undefined) {
      headers[requestIdHeader] ??= id;
    }
    if (traceId !== undefined) {
      headers[traceIdHeader] ??= traceId;
    }
    headers[":status"] = status;
    if (this.headerBytesMax !== Number.POSITIVE_INFINITY && headerListBytes(headers) > this.headerBytesMax) {
      // Above the caller's limit, the ids are dropped first, so that the status fits.
      delete headers[requestIdHeader];
      delete headers[traceIdHeader];
    }
    return encodeFields(objectToFields(headers));
  }

  respond({ status, headers, prepared, body, trailers }: Answer): void {
    if (!this.open) {
      return;
    }
    const stream = this.stream;
    // Both are encoded before either is sent, so that nothing is sent if one is invalid.
    const block = this.#headBlock({ status, headers, prepared });
    const last = trailerBlock(trailers);
    if (body === undefined && last === undefined) {
      stream.sendHeaders(block, true);
    } else {
      stream.sendHeaders(block);
      stream.end(body, last);
    }
    this.#watchUntilClosed();
  }

  sendHead(head: AnswerHead): void {
    this.stream.sendHeaders(this.#headBlock(head));
    if (!this.stream.closed) {
      this.#stalls.watch(this);
    }
  }

  sendPart(bytes: Uint8Array): void {
    this.stream.sendData(bytes);
  }

  get writable(): boolean {
    return this.stream.queuedBytes === 0;
  }

  onWritable(callback: () => void): void {
    const { stream } = this;
    stream.onDrained = () => {
      stream.onDrained = undefined;
      callback();
    };
  }

  finish({ body, trailers }: Pick<Answer, "body" | "trailers">): void {
    const last = trailerBlock(trailers);
    this.stream.onDrained = undefined;
    this.stream.end(body, last);
    this.#watchUntilClosed();
  }

  #watchUntilClosed(): void {
    if (!this.stream.closed) {
      this.#stalls.watch(this);
      if (!this.#bodyEnded) {
        this.#body.drop();
        this.#bytesMax = -1;
        this.#holdNothing();
        this.#dropRest();
      }
    }
  }

  abandon(): void {
    this.stream.reset(errorCode.internal);
  }

  onGone(callback: (reason: () => ConnectError) => void): void {
    this.#whenGone = callback;
  }

  onHeaders(): void {}

  onTrailers(): void {}

  onRefused(reason: () => Error): boolean {
    const receiver = this.#pieceReceiver ?? this.#receiver;
    if (receiver === undefined || this.stream.headersSent) {
      return false;
    }
    receiver.onRefused(reason() as ConnectError);
    return true;
  }

  onClose(): void {
    this.#stalls.forget(this);
    this.#whenGone?.(() => reasonOfReset(this.stream.resetCode));
  }

  #holdNothing(): void {
    this.stream.collects = false;
    this.stream.holdBytes(0);
  }

  /** Stops a caller that is still sending, with RST_STREAM(NO_ERROR) (RFC 9113, section 8.1). */
  #dropRest(): void {
    const stream = this.stream;
    setTimeout(() => stream.reset(errorCode.none), resetDelayMs).unref();
  }
}

function trailerBlock(trailers: Answer["trailers"]): Uint8Array | undefined {
  return trailers === undefined || trailers instanceof Uint8Array ? trailers : encodeFields(objectToFields(trailers));
}

/** The delay before RST_STREAM. A reset that overtakes the response's last frame replaces it, and the caller never gets the response. */
const resetDelayMs = 100;

function reasonOfReset(rstCode: number): ConnectError {
  switch (rstCode) {
    case errorCode.refusedStream:
      return new ConnectError("The caller refused the stream.", Code.Unavailable);
    case errorCode.enhanceYourCalm:
      return new ConnectError("The caller is overloaded (ENHANCE_YOUR_CALM).", Code.ResourceExhausted);
    case errorCode.inadequateSecurity:
      return new ConnectError(
        "The caller rejects the security of the connection (INADEQUATE_SECURITY).",
        Code.PermissionDenied,
      );
    default:
      return new ConnectError("The caller cancelled the call or closed its connection.", Code.Canceled);
  }
}
