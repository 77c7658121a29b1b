import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { inLaterTurn, turnIsOver } from "../../environment/event-loop-turn.ts";
import type { ContentType } from "../../protocol/content-types.ts";
import { compressedFlag, connectEndStreamFlag, grpcWebTrailerFlag } from "../../protocol/envelope.ts";
import { EnvelopeReader, type ReadEnvelope } from "../../protocol/envelope-reader.ts";
import type { Compression } from "../wire/compression.ts";
import type { Exchange, PieceReceiver } from "../wire/exchange/exchange.ts";
import type { MessageCodec } from "../wire/message-codec.ts";
import { WebTextDecoder } from "./web-text-decoder.ts";

/** The parts of {@link IncomingMessages}. */
export interface IncomingMessagesInit {
  readonly exchange: Exchange;
  readonly type: ContentType;
  readonly codec: MessageCodec;
  readonly requestBytesMax: number;
  /** Checks each message before the implementation gets it. Returns a promise only if the check is asynchronous. */
  check(message: Message): Promise<void> | undefined;
  /** See `ServerCall.turnOwner`. */
  readonly turnOwner: () => unknown;
}

type Next = IteratorResult<Message, undefined>;

interface Waiting {
  readonly resolve: (next: Next | Promise<Next>) => void;
  readonly reject: (reason: unknown) => void;
}

/** Fewer bytes are not counted against BUFFERED_REQUEST_BYTES_MAX. */
const countedBytesMin = 4_096;

/** Backpressure: with this many buffered bytes, the receive window is not replenished. One message may be larger. */
const heldBytesMax = 65_536;

/**
 * The messages of a request's body, decoded as the implementation reads them. The receive window is replenished while less than
 * {@link heldBytesMax} is buffered, or while the implementation waits for a message that is incomplete.
 */
export class IncomingMessages implements AsyncIterableIterator<Message>, Omit<PieceReceiver, "onRefused"> {
  /** The compression that the request's headers name. */
  compression: Compression | undefined;
  readonly #init: IncomingMessagesInit;
  readonly #reader: EnvelopeReader;
  readonly #text: WebTextDecoder | undefined;
  #waiting: Waiting | undefined;
  /** The last of the pending results, if `next` was called several times without waiting. */
  #last: Promise<unknown> | undefined;
  #unprocessedBytes = 0;
  #ended = false;
  #failure: unknown;
  #dropping = false;
  /** The bytes of the body that were received so far. */
  receivedBytes = 0;

  constructor(init: IncomingMessagesInit) {
    this.#init = init;
    const { type, requestBytesMax } = init;
    this.#reader = new EnvelopeReader({
      protocol: type.protocol,
      messageBytesMax: requestBytesMax,
      malformedCode: Code.InvalidArgument,
    });
    this.#text = type.text ? new WebTextDecoder() : undefined;
  }

  /** Whether the whole body was received. */
  get complete(): boolean {
    return this.#ended;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Next> {
    if (this.#last !== undefined) {
      return this.#chain();
    }
    const ready = this.#ready();
    if (ready !== undefined) {
      return ready;
    }
    return this.#wait();
  }

  /** Ends the messages. The rest of the body is dropped. */
  return(): Promise<Next> {
    this.drop();
    this.#settle(Promise.resolve(done));
    return Promise.resolve(done);
  }

  /** Ends the messages with an error, also for a waiting reader. */
  fail(reason: unknown): void {
    this.#failure ??= reason;
    this.drop();
    this.#settle(Promise.reject(reason));
  }

  /** Drops buffered data and the rest of the body. */
  drop(): void {
    this.#dropping = true;
    this.#take();
  }

  onPiece(piece: Buffer): void {
    this.receivedBytes += piece.length;
    this.#unprocessedBytes += piece.length;
    if (!this.#dropping) {
      try {
        this.#reader.push(this.#text === undefined ? piece : this.#text.decode(piece));
      } catch (error) {
        this.fail(error);
        return;
      }
      this.#deliver();
    }
    this.#take();
  }

  onPiecesEnd(): void {
    this.#ended = true;
    this.#deliver();
  }

  #deliver(): void {
    if (this.#waiting !== undefined) {
      const ready = this.#ready();
      if (ready !== undefined) {
        this.#settle(ready);
      }
    }
  }

  #settle(next: Promise<Next>): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) {
      next.catch(ignore);
    } else {
      waiting.resolve(next);
    }
  }

  #wait(): Promise<Next> {
    return new Promise<Next>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#take();
    });
  }

  /** `next` was called before the previous result was there, which is rare. */
  #chain(): Promise<Next> {
    const next = (this.#last as Promise<unknown>).then(
      () => this.#ready() ?? this.#wait(),
      () => done,
    );
    this.#follow(next);
    return next;
  }

  #follow(next: Promise<unknown>): void {
    this.#last = next;
    const clear = () => {
      if (this.#last === next) {
        this.#last = undefined;
      }
    };
    next.then(clear, clear);
  }

  /** The next message, the end or the error. Undefined if more data must be received first. */
  #ready(): Promise<Next> | undefined {
    const hasEnded = this.#failure !== undefined || this.#dropping;
    return !hasEnded && turnIsOver() ? this.#later() : this.#readyNow();
  }

  /** The same, also if the turn is over. */
  #readyNow(): Promise<Next> | undefined {
    if (this.#failure !== undefined) {
      return Promise.reject(this.#failure);
    }
    if (this.#dropping) {
      return Promise.resolve(done);
    }
    try {
      return this.#read();
    } catch (error) {
      this.#failure = error;
      return Promise.reject(error);
    } finally {
      this.#take();
    }
  }

  #read(): Promise<Next> | undefined {
    for (let envelope = this.#reader.next(); envelope !== undefined; envelope = this.#reader.next()) {
      if ((envelope.flags & grpcWebTrailerFlag) === 0) {
        return this.#decode(envelope);
      }
    }
    if (!this.#ended) {
      return undefined;
    }
    this.#text?.end();
    this.#reader.end();
    return Promise.resolve(done);
  }

  #decode({ flags, payload }: ReadEnvelope): Promise<Next> {
    const { codec, type, requestBytesMax } = this.#init;
    if (type.protocol === "connect" && (flags & connectEndStreamFlag) !== 0) {
      throw endOfStreamInRequest();
    }
    if ((flags & compressedFlag) === 0) {
      return this.#checked(codec.decode(payload));
    }
    if (this.compression === undefined) {
      throw new ConnectError("The message is compressed, but the request names no encoding.", Code.Internal);
    }
    const next = this.compression
      .decompress(payload, requestBytesMax)
      .then((plain) => this.#checked(codec.decode(plain)));
    this.#follow(next);
    return next;
  }

  #checked(message: Message): Promise<Next> {
    const permission = this.#init.check(message);
    const next = { done: false as const, value: message };
    return permission === undefined ? Promise.resolve(next) : permission.then(() => next);
  }

  /** Continues in a later turn of the event loop. */
  #later(): Promise<Next> {
    const next = new Promise<Next>((resolve) => {
      inLaterTurn(() => resolve(this.#readyNow() ?? this.#wait()), this.#init.turnOwner());
    });
    this.#follow(next);
    return next;
  }

  /** Replenishes the receive window, unless too much is buffered. */
  #take(): void {
    const bytes = this.#unprocessedBytes;
    const { bufferedBytes } = this.#reader;
    this.#init.exchange.hold(this.#dropping || bufferedBytes < countedBytesMin ? 0 : bufferedBytes);
    if (bytes > 0 && (this.#dropping || this.#waiting !== undefined || bufferedBytes < heldBytesMax)) {
      this.#unprocessedBytes = 0;
      this.#init.exchange.taken(bytes);
    }
  }
}

/** In Connect, only responses have an end-of-stream message (Connect protocol, "Streaming-Response"). */
export function endOfStreamInRequest(): ConnectError {
  return new ConnectError("A request has no end-of-stream message.", Code.InvalidArgument);
}

/** The only message of a request. Rejects with a ConnectError: UNIMPLEMENTED if the request has none, or more than one. */
export async function onlyMessage(incoming: IncomingMessages): Promise<Message> {
  const first = await incoming.next();
  const kind = "server-streaming method";
  if (first.done === true) {
    throw new ConnectError(`The request has no message; a ${kind} takes exactly one.`, Code.Unimplemented);
  }
  if ((await incoming.next()).done !== true) {
    throw new ConnectError(`The request has more than one message; a ${kind} takes exactly one.`, Code.Unimplemented);
  }
  return first.value;
}

const done: Next = { done: true, value: undefined };

/** Without a waiting reader, the error is dropped. */
function ignore(): void {}
