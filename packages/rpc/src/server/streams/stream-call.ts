import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { inTurn } from "../../environment/event-loop-turn.ts";
import { toCallerError } from "../pipeline/error-mapping.ts";
import type { IncomingCall } from "../pipeline/incoming-call.ts";
import type { ServerCall } from "../pipeline/server-call.ts";
import { validateMessage } from "../pipeline/validation/validation.ts";
import { type Compression, requestCompression, responseCompression } from "../wire/compression.ts";
import type { PieceReceiver } from "../wire/exchange/exchange.ts";
import type { MessageCodec } from "../wire/message-codec.ts";
import { WireCall } from "../wire/wire-call.ts";
import { IncomingMessages, onlyMessage } from "./incoming-messages.ts";
import { headDelayMs, headDelayOfSilentCallerMs, MessageSender, type SendingCall } from "./message-sender.ts";
import type { StreamCallInit } from "./stream-call-init.ts";
import type { StreamDialect } from "./stream-dialect.ts";
import { watchPauses } from "./watch-pauses.ts";

/** One streaming call, from its headers to its end. */
export class StreamCall extends WireCall implements IncomingCall, SendingCall, PieceReceiver {
  readonly timeoutMs: number | undefined;
  readonly desc: DescMethod;
  readonly dialect: StreamDialect;
  readonly responseBytesMax: number;
  responseCompression: Compression | undefined;
  readonly #init: StreamCallInit;
  readonly #call: ServerCall;
  readonly #sender: MessageSender;
  /** Undefined once a request of one message is complete. */
  #incoming: IncomingMessages | undefined;
  #answers: AsyncIterator<unknown> | undefined;
  #ended = false;
  #cancelTimer: (() => void) | undefined;

  constructor(init: StreamCallInit) {
    super(init);
    this.#init = init;
    this.desc = init.method.desc;
    this.dialect = init.dialect;
    this.responseBytesMax = init.settings.responseBytesMax;
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

  onRefused(error: ConnectError): void {
    this.#fail(error);
  }

  #begin(failure: unknown): void {
    const { pipeline, exchange, type, settings } = this.#init;
    exchange.onGone((reason) => this.#gone(reason));
    this.nameTrace(this.#call, undefined);
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
      turnOwner: () => this.#call.turnOwner,
    });
    exchange.readPieces(this);
    const { identified } = this.#call;
    if (identified === undefined) {
      this.#start(failure);
    } else {
      // A thousand streams may wait for the verification of one token.
      identified.then(() => inTurn(() => this.#start(failure), this.#call.turnOwner), this.#failed);
    }
  }

  /** Checks each message of a stream against the contract, and the owner by the first message. */
  #checkEach(): (message: Message) => Promise<void> | undefined {
    let first = true;
    return (message) => {
      if (first) {
        first = false;
        this.#awaitAnswer(headDelayMs);
        return this.#init.pipeline.checkMessage(this.#call, message);
      }
      this.#call.requestMessages++;
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
        const incoming = this.#incoming as IncomingMessages;
        const options = { call: this.#call, onPause: this.#failed };
        this.#cancelTimer = watchPauses(incoming, { ...options, ...this.#init.settings });
        onlyMessage(incoming).then(this.#runSingle, this.#failed);
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

  readonly #runSingle = (request: Message) => {
    this.#cancelTimer?.();
    this.#incoming = undefined;
    if (this.#ended) {
      return;
    }
    try {
      const permission = this.#init.pipeline.admitMessage(this.#call, request);
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
      this.#awaitAnswer(this.desc.methodKind === "server_streaming" ? headDelayMs : headDelayOfSilentCallerMs);
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
      this.#call.responseMessages++;
      const written = this.#sender.write(value);
      if (written === undefined) {
        this.#resume();
      } else {
        written.then(() => this.#resume(), this.#failed);
      }
    } catch (error) {
      this.#fail(error);
    }
  };

  #resume(): void {
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
    let sent = error;
    this.nameTrace(this.#call, error);
    try {
      this.#sender.end(error);
    } catch (cause) {
      sent = this.#endWithoutMetadata(cause);
    }
    this.#incoming?.fail(sent ?? streamEnded);
    this.#incoming = undefined;
    // Not awaited, so that an implementation that hangs does not delay the caller's response.
    this.#answers?.return?.()?.catch(ignoreLateFailure);
    this.#answers = undefined;
    this.#init.pipeline.close(this.#call, sent);
  }

  /** The implementation set a header or trailer that HTTP does not allow. The caller gets INTERNAL without the implementation's metadata. */
  #endWithoutMetadata(cause: unknown): ConnectError {
    const error = toCallerError(this.#call, cause);
    this.forgetMetadata();
    try {
      this.#sender.end(error);
    } catch {
      this.exchange.abandon();
    }
    return error;
  }

  /** Sends the headers after `delayMs` if there is no message by then. In a client-streaming call they always wait for the response. */
  #awaitAnswer(delayMs: number): void {
    this.#cancelTimer?.();
    if (this.desc.methodKind !== "client_streaming" && !this.#ended && !this.#sender.headSent) {
      this.#cancelTimer = this.#call.after(delayMs, () => this.#sendHeadAlone());
    }
  }

  #sendHeadAlone(): void {
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

  get codec(): MessageCodec {
    return this.#init.type.codec === "proto" ? this.#init.method.proto : this.#init.method.json;
  }
}

function passUnchecked(): undefined {}
const streamEnded = new ConnectError("the stream has ended", Code.Canceled);

/** The caller already has its response, so later errors are dropped. */
function ignoreLateFailure(): void {}
