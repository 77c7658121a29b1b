import type { Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { inTurn } from "../../environment/event-loop-turn.ts";
import type { ContentType } from "../../protocol/content-types.ts";
import type { CallPipeline } from "../pipeline/call-pipeline.ts";
import { toCallerError } from "../pipeline/error-mapping.ts";
import type { IncomingCall, Settled } from "../pipeline/incoming-call.ts";
import { bodyTooSlow, responseTooLarge } from "../pipeline/limit-errors.ts";
import type { ServerCall } from "../pipeline/server-call.ts";
import { type Compression, requestCompression, responseCompression } from "../wire/compression.ts";
import type { Dialect, DialectCall, DialectSettings } from "../wire/dialect.ts";
import type { Answer, BodyReceiver, Exchange } from "../wire/exchange/exchange.ts";
import { type MessageCodec, responseMessage } from "../wire/message-codec.ts";
import { WireCall } from "../wire/wire-call.ts";
import type { UnaryMethod } from "./served-unary-method.ts";

/** The parts of a {@link UnaryCall}. */
export interface UnaryCallInit {
  readonly pipeline: CallPipeline;
  readonly method: UnaryMethod;
  readonly dialect: Dialect;
  readonly type: ContentType;
  readonly settings: DialectSettings & {
    readonly responseBytesMax: number;
    /** The longest pause inside a body, in milliseconds. */
    readonly bodyIdleTimeoutMs: number;
  };
  readonly exchange: Exchange;
}

/** One unary call, from its headers to its response. */
export class UnaryCall extends WireCall implements IncomingCall, DialectCall, BodyReceiver, Settled<unknown> {
  readonly #init: UnaryCallInit;
  readonly timeoutMs: number | undefined;
  readonly #call: ServerCall;
  #compression: Compression | undefined;
  #responseCompression: Compression | undefined;
  #state: "reading" | "running" | "answered" = "reading";
  #bodyRead: (() => void) | undefined;
  #cancelWatch: (() => void) | undefined;

  constructor(init: UnaryCallInit) {
    super(init);
    this.#init = init;
    let failure: unknown;
    try {
      this.timeoutMs = init.dialect.timeoutMs(init.exchange);
    } catch (error) {
      failure = error;
    }
    this.#call = init.pipeline.call(init.method.runtime, this);
    this.#begin(failure);
  }

  /** Whether the body is still incomplete. */
  get reading(): boolean {
    return this.#state === "reading";
  }

  /** Applies the deadline and the limit on pauses to an incomplete body. */
  waitForBody(): void {
    this.#watchProgress();
    const body = new Promise<void>((resolve) => {
      this.#bodyRead = resolve;
    });
    this.#call.race(body).catch((error: unknown) => this.#fail(error));
  }

  onBody(body: Buffer): void {
    if (this.#state !== "reading") {
      return;
    }
    this.#cancelWatch?.();
    this.#bodyRead?.();
    this.#onceIdentified(() => this.#read(body));
  }

  onBodyTooLong(beginning: Buffer): void {
    this.#onceIdentified(() => this.#fail(this.#init.dialect.readTooLong(this, beginning)));
  }

  onRefused(error: ConnectError): void {
    this.#fail(error);
  }

  /** Runs the next step once the caller is authenticated and authorized; synchronously if it already is. */
  #onceIdentified(step: () => void): void {
    const { identified } = this.#call;
    if (identified === undefined) {
      this.#step(step);
    } else {
      // A thousand calls may wait for the verification of one token.
      identified.then(() => inTurn(() => this.#step(step), this.#call.turnOwner), this.#failed);
    }
  }

  #step(step: () => void): void {
    if (this.#state === "reading") {
      try {
        step();
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  readonly #failed = (error: unknown) => this.#fail(error);

  #read(body: Buffer): void {
    this.#state = "running";
    const request = this.#init.dialect.read(this, body, this.#compression);
    if (request instanceof Promise) {
      this.#call.race(request).then((message) => this.#run(message), this.#failed);
    } else {
      this.#run(request);
    }
  }

  #watchProgress(): void {
    const { exchange, settings } = this.#init;
    const before = exchange.bodyBytes;
    this.#cancelWatch = this.#call.after(settings.bodyIdleTimeoutMs, () => {
      if (exchange.bodyBytes > before) {
        this.#watchProgress();
      } else {
        this.#fail(bodyTooSlow(settings.bodyIdleTimeoutMs));
      }
    });
  }

  #begin(failure: unknown): void {
    const { pipeline, dialect, exchange, settings } = this.#init;
    exchange.onGone((reason) => this.#gone(reason));
    try {
      pipeline.open(this.#call);
    } catch (error) {
      this.#fail(error);
      return;
    }
    // Errors about other headers are only for authorized callers.
    this.#onceIdentified(() => this.#negotiate(failure));
    if (this.#state === "reading") {
      exchange.readBody(dialect.bodyBytes(settings.requestBytesMax), this);
    }
  }

  #negotiate(failure: unknown): void {
    const { dialect, exchange, settings } = this.#init;
    const encoding = dialect.requestEncoding(exchange);
    if (encoding !== undefined) {
      this.#compression = requestCompression(encoding, dialect.acceptEncodingHeader);
    }
    if (settings.compressBytesMin !== Number.POSITIVE_INFINITY) {
      const accepted = this.header(dialect.acceptEncodingHeader);
      this.#responseCompression = responseCompression(accepted, this.#compression);
    }
    if (failure !== undefined) {
      throw failure;
    }
  }

  #run(request: Message): void {
    const { pipeline, method } = this.#init;
    pipeline.unaryTo(this.#call, { request, handle: method.implementation }, this);
  }

  onError(error: unknown): void {
    this.#fail(error);
  }

  onValue(response: unknown): void {
    try {
      const payload = this.codec.encode(responseMessage(this.#init.method.desc, response));
      if (payload.length > this.#init.settings.responseBytesMax) {
        throw responseTooLarge(this.#init.settings.responseBytesMax, payload.length);
      }
      const answer = this.#init.dialect.answer(this, payload);
      if (answer instanceof Promise) {
        this.#call.race(answer).then((compressed) => this.#send(compressed, undefined), this.#failed);
      } else {
        this.#send(answer, undefined);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(reason: unknown): void {
    if (this.#state === "answered") {
      return;
    }
    const error = toCallerError(this.#call, reason);
    this.#init.pipeline.explain(this.#call, error);
    let answer: Answer;
    try {
      answer = this.#init.dialect.fail(this, error);
    } catch (cause) {
      this.#failWithoutMetadata(cause);
      return;
    }
    this.#send(answer, error);
  }

  #send(answer: Answer, error: ConnectError | undefined): void {
    if (this.#state === "answered") {
      return;
    }
    // Set before the response is sent: its stream may close at once, which must not count as a cancellation.
    this.#state = "answered";
    this.nameTrace(this.#call, error);
    try {
      this.#init.exchange.respond(answer);
    } catch (cause) {
      this.#failWithoutMetadata(cause);
      return;
    }
    this.#close(error);
  }

  /**
   * The response's headers cannot be written, for example because the implementation set a value with a control character. The caller gets
   * INTERNAL without them. The call ends even if that fails.
   */
  #failWithoutMetadata(cause: unknown): void {
    const error = toCallerError(this.#call, cause);
    this.forgetMetadata();
    this.#state = "answered";
    try {
      this.#init.exchange.respond(this.#init.dialect.fail(this, error));
    } catch {
      this.#init.exchange.abandon();
    }
    this.#close(error);
  }

  #close(error: ConnectError | undefined): void {
    this.#cancelWatch?.();
    this.#init.pipeline.close(this.#call, error);
  }

  #gone(reasonOf: () => ConnectError): void {
    if (this.#state !== "answered") {
      const reason = reasonOf();
      this.#call.abort(reason);
      if (this.#state === "reading") {
        this.#fail(reason);
      }
    }
  }

  get codec(): MessageCodec {
    return this.#init.type.codec === "proto" ? this.#init.method.proto : this.#init.method.json;
  }

  get responseCompression(): Compression | undefined {
    return this.#responseCompression;
  }
}
