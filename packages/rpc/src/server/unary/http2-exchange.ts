import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { peerOf } from "../peer.ts";
import { type Answer, type BodyReceiver, type Exchange, emptyBody } from "./exchange.ts";
import type { Answering, StallWatch } from "./stall-watch.ts";

const withTrailers = { waitForTrailers: true, sendDate: false } as const;
const headersAlone = { endStream: true, sendDate: false } as const;

/** Node's types want an array that may be changed; it changes none that has a status and asks for no date. */
type RawHeaders = Extract<Parameters<ServerHttp2Stream["respond"]>[0], readonly unknown[]>;

interface Http2ExchangeInit {
  readonly headers: IncomingHttpHeaders;
  readonly stalls: StallWatch;
}

/** A request on an HTTP/2 stream, without Node's compatibility layer in between. */
export class Http2Exchange implements Exchange, Answering {
  readonly headers: IncomingHttpHeaders;
  readonly requestMethod: string;
  readonly target: string;
  readonly stream: ServerHttp2Stream;
  /** Its place among the answers that are watched, which is the watch's own affair. */
  previous: Answering | undefined;
  next: Answering | undefined;
  listed = false;
  unreadBytes = -1;
  readonly #stalls: StallWatch;
  #bodyBytes = 0;
  #bodyEnded = false;
  #bytesMax = 0;
  #body = emptyBody;
  #chunks: Buffer[] | undefined;
  #receiver: BodyReceiver | undefined;
  #whenGone: ((reason: () => ConnectError) => void) | undefined;
  #trailers: OutgoingHttpHeaders | undefined;

  constructor(stream: ServerHttp2Stream, { headers, stalls }: Http2ExchangeInit) {
    this.stream = stream;
    this.#stalls = stalls;
    this.headers = headers;
    this.requestMethod = String(headers[":method"]);
    this.target = String(headers[":path"]);
    // A stream that a caller resets with an error emits it, and with nobody listening that would end the process. What it
    // means for the call is told by `close`.
    stream.on("error", ignore);
    (stream as ExchangeStream)[exchangeKey] = this;
  }

  get url(): string {
    const { ":scheme": scheme = "http", ":authority": authority, host } = this.headers;
    return `${scheme}://${authority ?? host ?? "localhost"}${this.target}`;
  }

  get peer(): string {
    const socket = this.stream.session?.socket;
    return socket === undefined ? "unknown" : peerOf(socket);
  }

  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  get open(): boolean {
    return !this.stream.destroyed && !this.stream.closed;
  }

  readBody(bytesMax: number, receiver: BodyReceiver): void {
    this.#bytesMax = bytesMax;
    this.#receiver = receiver;
    this.stream.on("data", onData);
    this.stream.on("end", onEnd);
  }

  onData(chunk: Buffer): void {
    const bytesMax = this.#bytesMax;
    this.#bodyBytes += chunk.length;
    const bytes = this.#bodyBytes;
    if (bytes > bytesMax) {
      if (bytes - chunk.length <= bytesMax) {
        const beginning = Buffer.concat([...(this.#chunks ?? [this.#body]), chunk]);
        this.#chunks = undefined;
        this.#body = emptyBody;
        this.#receiver?.onBodyTooLong(beginning);
      }
    } else if (bytes === chunk.length) {
      this.#body = chunk;
    } else {
      this.#chunks ??= [this.#body];
      this.#chunks.push(chunk);
    }
  }

  onEnd(): void {
    this.#bodyEnded = true;
    if (this.#bodyBytes <= this.#bytesMax) {
      const body = this.#chunks === undefined ? this.#body : Buffer.concat(this.#chunks);
      this.#chunks = undefined;
      this.#body = emptyBody;
      this.#receiver?.onBody(body);
    }
  }

  respond({ status, headers, prepared, body, trailers }: Answer): void {
    if (!this.open) {
      return;
    }
    const stream = this.stream;
    this.#stalls.watch(this);
    if (prepared === undefined) {
      headers[":status"] = status;
    }
    if (trailers !== undefined) {
      this.#trailers = trailers;
      stream.on("wantTrailers", onWantTrailers);
      stream.respond(prepared === undefined ? headers : (prepared as RawHeaders), withTrailers);
      stream.end(body);
    } else if (body === undefined) {
      stream.respond(headers, headersAlone);
      this.#dropRest();
    } else {
      stream.respond(headers);
      stream.end(body);
      if (!this.#bodyEnded) {
        stream.once("finish", () => this.#dropRest());
      }
    }
  }

  onGone(callback: (reason: () => ConnectError) => void): void {
    this.#whenGone = callback;
    this.stream.on("close", onClose);
  }

  onClose(): void {
    this.#stalls.forget(this);
    // Node keeps what it knows of streams that are closed for some time. It need not keep the call as well.
    (this.stream as ExchangeStream)[exchangeKey] = undefined;
    this.#whenGone?.(() => reasonOfReset(this.stream.rstCode));
  }

  onWantTrailers(): void {
    this.stream.sendTrailers(this.#trailers ?? {});
    this.#dropRest();
  }

  /** Tells a caller that is still sending that nobody listens any more (RFC 9113, section 8.1). */
  #dropRest(): void {
    if (!this.#bodyEnded) {
      const stream = this.stream;
      setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), answerLeavesMs).unref();
    }
  }
}

const exchangeKey = Symbol("exchange");

type ExchangeStream = ServerHttp2Stream & { [exchangeKey]?: Http2Exchange | undefined };

// The same listeners for all streams, which find their exchange on the stream: four closures a call are work for the collector.
function onData(this: ExchangeStream, chunk: Buffer): void {
  this[exchangeKey]?.onData(chunk);
}

function onEnd(this: ExchangeStream): void {
  this[exchangeKey]?.onEnd();
}

function onClose(this: ExchangeStream): void {
  this[exchangeKey]?.onClose();
}

function onWantTrailers(this: ExchangeStream): void {
  this[exchangeKey]?.onWantTrailers();
}

/** A reset that overtakes the answer's last frame takes its place, and the caller waits for an answer that never comes. */
const answerLeavesMs = 100;

function reasonOfReset(rstCode: number | undefined): ConnectError {
  switch (rstCode) {
    case constants.NGHTTP2_REFUSED_STREAM:
      return new ConnectError("the stream was refused", Code.Unavailable);
    case constants.NGHTTP2_ENHANCE_YOUR_CALM:
      return new ConnectError("the caller has too much to do", Code.ResourceExhausted);
    case constants.NGHTTP2_INADEQUATE_SECURITY:
      return new ConnectError("the caller finds the connection insecure", Code.PermissionDenied);
    default:
      return new ConnectError("the caller cancelled the call or went away", Code.Canceled);
  }
}

function ignore(): void {}
