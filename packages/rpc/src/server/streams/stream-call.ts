import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { ContentType } from "../../protocol/content-types.ts";
import { headersFromNode } from "../../protocol/metadata.ts";
import type { CallPipeline } from "../pipeline/call-pipeline.ts";
import { toCallerError } from "../pipeline/error-mapping.ts";
import type { IncomingCall } from "../pipeline/incoming-call.ts";
import { bodyTooSlow } from "../pipeline/limit-errors.ts";
import type { ServerCall } from "../pipeline/server-call.ts";
import { validateMessage } from "../pipeline/validation/validation.ts";
import { type Compression, requestCompression, responseCompression } from "../wire/compression.ts";
import type { DialectSettings } from "../wire/dialect.ts";
import type { Exchange, PieceReceiver } from "../wire/exchange.ts";
import type { MessageCodec } from "../wire/message-codec.ts";
import { IncomingMessages } from "./incoming-messages.ts";
import { MessageSender, type SendingCall } from "./message-sender.ts";
import type { StreamDialect } from "./stream-dialect.ts";
import type { StreamMethod } from "./stream-method.ts";

/** What a {@link StreamCall} is made of. */
export interface StreamCallInit {
  readonly pipeline: CallPipeline;
  readonly method: StreamMethod;
  readonly dialect: StreamDialect;
  readonly type: ContentType;
  readonly settings: StreamSettings;
  readonly exchange: Exchange;
}

/** Settings of all streams of a server. */
export interface StreamSettings extends DialectSettings {
  readonly responseBytesMax: number;
  /** How long a caller may pause inside a body of one message, in milliseconds. */
  readonly bodyIdleTimeoutMs: number;
}

/**
 * How long headers wait for the first answer once the implementation has a request, in milliseconds. They leave without it then, since clients
 * wait for them to know that the stream stands; an error that comes sooner is an answer of headers alone.
 */
const headDelayMs = 20;
/** The same for a bidirectional stream whose caller has not sent anything: it may wait for the headers before it does. */
const headDelayOfSilentMs = 1_000;

/** One streaming call, from its headers to its end. What costs something is made only if it is asked for. */
export class StreamCall implements IncomingCall, SendingCall, PieceReceiver {
  readonly timeoutMs: number | undefined;
  responseCompression: Compression | undefined;
  readonly #init: StreamCallInit;
  readonly #call: ServerCall;
  readonly #sender: MessageSender;
  /** Dropped once a request of one message is here. */
  #incoming: IncomingMessages | undefined;
  #answers: AsyncIterator<unknown> | undefined;
  #ended = false;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(init: StreamCallInit) {
    this.#init = init;
    let failure: unknown;
    try {
      this.timeoutMs = init.dialect.timeoutMs(init.exchange);
    } catch (error) {
      failure = error;
    }
    this.#call = init.pipeline.call(init.method.runtime, this);
    this.#sender = new MessageSender(this);
    this.#begin(failure);
  }

  onPiece(piece: Buffer): void {
    if (this.#incoming === undefined) {
      this.#init.exchange.taken(piece.length);
    } else {
      this.#incoming.onPiece(piece);
    }
  }

  onPiecesEnd(): void {
    this.#incoming?.onPiecesEnd();
  }

  #begin(failure: unknown): void {
    const { pipeline, exchange, type, settings } = this.#init;
    exchange.onGone((reason) => this.#gone(reason));
    try {
      pipeline.open(this.#call);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#call.onAbort((reason) => this.#fail(reason));
    this.#incoming = new IncomingMessages({
      exchange,
      type,
      codec: this.codec,
      requestBytesMax: settings.requestBytesMax,
      check: this.desc.methodKind === "server_streaming" ? passUnchecked : this.#checkEach(),
    });
    exchange.readPieces(this);
    const { identified } = this.#call;
    if (identified === undefined) {
      this.#start(failure);
    } else {
      identified.then(
        () => this.#start(failure),
        (error: unknown) => this.#fail(error),
      );
    }
  }

  /** Checks messages of a stream: the first for its owner too. */
  #checkEach(): (message: Message) => Promise<void> | undefined {
    let first = true;
    return (message) => {
      if (first) {
        first = false;
        this.#awaitAnswer(headDelayMs);
        return this.#init.pipeline.checkMessage(this.#call, message);
      }
      validateMessage(this.desc.input, message);
      return undefined;
    };
  }

  #start(failure: unknown): void {
    if (this.#ended) {
      return;
    }
    try {
      this.#negotiate(failure);
      if (this.desc.methodKind === "server_streaming") {
        this.#watchBody();
        this.#receiveOne().then(this.#runSingle, this.#failed);
      } else {
        this.#init.pipeline.admit(this.#call);
        this.#run(this.#incoming as IncomingMessages);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #negotiate(failure: unknown): void {
    const { dialect, exchange, settings } = this.#init;
    const encoding = dialect.requestEncoding(exchange);
    const requested = encoding === undefined ? undefined : requestCompression(encoding, dialect.acceptEncodingHeader);
    (this.#incoming as IncomingMessages).compression = requested;
    if (settings.compressBytesMin !== Number.POSITIVE_INFINITY) {
      this.responseCompression = responseCompression(this.header(dialect.acceptEncodingHeader), requested);
    }
    dialect.check(this);
    if (failure !== undefined) {
      throw failure;
    }
  }

  /** The one message of a request that has one. */
  async #receiveOne(): Promise<Message> {
    const incoming = this.#incoming as IncomingMessages;
    const first = await incoming.next();
    const kind = "server-streaming method";
    if (first.done === true) {
      throw new ConnectError(`protocol error: missing input message for ${kind}`, Code.Unimplemented);
    }
    if ((await incoming.next()).done !== true) {
      throw new ConnectError(`protocol error: received extra input message for ${kind}`, Code.Unimplemented);
    }
    return first.value;
  }

  readonly #runSingle = (request: Message) => {
    this.#cancelTimer?.();
    this.#incoming = undefined;
    if (this.#ended) {
      return;
    }
    try {
      const permission = this.#init.pipeline.letInMessage(this.#call, request);
      if (permission === undefined) {
        this.#run(request);
      } else {
        permission.then(() => this.#run(request), this.#failed);
      }
    } catch (error) {
      this.#fail(error);
    }
  };

  #run(input: Message | AsyncIterable<Message>): void {
    if (this.#ended) {
      return;
    }
    try {
      this.#awaitAnswer(this.desc.methodKind === "server_streaming" ? headDelayMs : headDelayOfSilentMs);
      const answer = this.#init.method.implementation(input, this.#call);
      if (Symbol.asyncIterator in answer) {
        this.#answers = answer[Symbol.asyncIterator]();
        this.#pump();
      } else {
        answer.then((message) => {
          if (!this.#ended) {
            this.#onAnswer({ done: false, value: message });
          }
        }, this.#failed);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  readonly #pump = () => {
    if (!this.#ended) {
      (this.#answers as AsyncIterator<unknown>).next().then(this.#onAnswer, this.#failed);
    }
  };

  readonly #onAnswer = ({ done, value }: IteratorResult<unknown, unknown>) => {
    if (this.#ended) {
      return;
    }
    try {
      if (done === true) {
        this.#answers = undefined;
        this.#finish(undefined);
        return;
      }
      const written = this.#sender.write(value);
      if (written === undefined) {
        this.#goOn();
      } else {
        written.then(() => this.#goOn(), this.#failed);
      }
    } catch (error) {
      this.#fail(error);
    }
  };

  #goOn(): void {
    if (this.#ended) {
      return;
    }
    if (this.#answers === undefined) {
      this.#finish(undefined);
    } else if (this.#sender.ready) {
      this.#pump();
    } else {
      this.#sender.whenReady(this.#pump);
    }
  }

  readonly #failed = (error: unknown) => this.#fail(error);

  #fail(reason: unknown): void {
    if (this.#ended) {
      return;
    }
    const error = toCallerError(this.#call, reason);
    this.#init.pipeline.explain(this.#call, error);
    this.#finish(error);
  }

  #finish(error: ConnectError | undefined): void {
    this.#ended = true;
    this.#cancelTimer?.();
    const { exchange, dialect } = this.#init;
    let sent = error;
    try {
      this.#sender.flush();
      if (error !== undefined && !this.#sender.headSent) {
        exchange.respond(dialect.fail(this, error));
      } else {
        this.#sender.sendHead(false);
        this.#sender.end(error);
      }
    } catch (cause) {
      // A header or trailer of the implementation is none that HTTP allows.
      sent = toCallerError(this.#call, cause);
      this.#failWithoutMetadata(sent);
    }
    this.#incoming?.fail(sent ?? streamEnded);
    this.#incoming = undefined;
    // Not waited for: an implementation that hangs does not hold up its caller's answer.
    this.#answers?.return?.()?.catch(ignoreLateFailure);
    this.#answers = undefined;
    this.#init.pipeline.close(this.#call, sent);
  }

  #failWithoutMetadata(error: ConnectError): void {
    const { exchange, dialect } = this.#init;
    this.#responseHeader = undefined;
    this.#responseTrailer = undefined;
    try {
      if (this.#sender.headSent) {
        this.#sender.end(error);
      } else {
        exchange.respond(dialect.fail(this, error));
      }
    } catch {
      exchange.abandon();
    }
  }

  /** Sends the headers if no answer comes in time. Where there is to be one answer they wait for it. */
  #awaitAnswer(delayMs: number): void {
    this.#cancelTimer?.();
    if (this.desc.methodKind !== "client_streaming" && !this.#ended && !this.#sender.headSent) {
      this.#cancelTimer = this.#call.after(delayMs, () => this.#sendHeadAlone());
    }
  }

  #sendHeadAlone(): void {
    this.#cancelTimer = undefined;
    try {
      this.#sender.sendHead(true);
    } catch (error) {
      this.#fail(error);
    }
  }

  #gone(reasonOf: () => ConnectError): void {
    if (!this.#ended) {
      const reason = reasonOf();
      this.#call.abort(reason);
      this.#fail(reason);
    }
  }

  /** Ends a request of one message whose body pauses for too long. */
  #watchBody(): void {
    const { bodyIdleTimeoutMs } = this.#init.settings;
    const before = this.#incoming?.receivedBytes;
    this.#cancelTimer = this.#call.after(bodyIdleTimeoutMs, () => {
      if (this.#incoming?.receivedBytes === before) {
        this.#fail(bodyTooSlow(bodyIdleTimeoutMs));
      } else {
        this.#watchBody();
      }
    });
  }

  get desc(): DescMethod {
    return this.#init.method.desc;
  }

  get dialect(): StreamDialect {
    return this.#init.dialect;
  }

  get responseBytesMax(): number {
    return this.#init.settings.responseBytesMax;
  }

  get exchange(): Exchange {
    return this.#init.exchange;
  }

  get settings(): DialectSettings {
    return this.#init.settings;
  }

  get type(): ContentType {
    return this.#init.type;
  }

  get codec(): MessageCodec {
    return this.#init.type.codec === "proto" ? this.#init.method.proto : this.#init.method.json;
  }

  get responseHeaderIfMade(): Headers | undefined {
    return this.#responseHeader;
  }

  get responseTrailerIfMade(): Headers | undefined {
    return this.#responseTrailer;
  }

  get protocolName(): ContentType["protocol"] {
    return this.#init.type.protocol;
  }

  get requestMethod(): string {
    return this.#init.exchange.requestMethod;
  }

  get url(): string {
    return this.#init.exchange.url;
  }

  get peer(): string {
    return this.#init.exchange.peer;
  }

  get connection(): object {
    return this.#init.exchange.connection;
  }

  header(name: string): string | undefined {
    const value = this.#init.exchange.headers[name];
    return typeof value === "object" ? value.join(", ") : value;
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= headersFromNode(this.#init.exchange.headers);
    return this.#requestHeader;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers();
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers();
    return this.#responseTrailer;
  }
}

function passUnchecked(): undefined {}

const streamEnded = new ConnectError("the stream has ended", Code.Canceled);

/** The caller has its answer; no one is left to get what an implementation still throws while it is ended. */
function ignoreLateFailure(): void {}
