import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { turnIsOver } from "../../environment/event-loop-turn.ts";
import { compressedFlag, encodeEnvelope } from "../../protocol/envelope.ts";
import { responseTooLarge } from "../pipeline/limit-errors.ts";
import type { DialectCall } from "../wire/dialect.ts";
import { responseMessage } from "../wire/message-codec.ts";
import { sharedEnvelope } from "./shared-message.ts";
import type { StreamDialect } from "./stream-dialect.ts";

/** The call of a {@link MessageSender}. */
export interface SendingCall extends DialectCall {
  readonly desc: DescMethod;
  readonly dialect: StreamDialect;
  readonly responseBytesMax: number;
}

/**
 * How long the headers wait for the first message once the caller has sent its own, in milliseconds. Then they are sent alone: clients wait for
 * them to know that the stream is open, connect-go's before the call returns. An error within this time is sent as "Trailers-Only".
 */
export const headDelayMs = 20;
/**
 * The same for a bidirectional stream whose caller has sent nothing yet. An implementation may set headers for the first message that it
 * receives, so they are sent early only if the caller seems to wait for them.
 */
export const headDelayOfSilentCallerMs = 1_000;

/** The most bytes in one write, and the most that one stream sends in one turn of the event loop. */
const partBytesMax = 16_384;
const turnBytesMax = 65_536;

/**
 * Writes the messages of one response. Messages of one event-loop turn are coalesced into one write. While {@link ready} is false, wait for the
 * callback of {@link whenReady} before writing more.
 */
export class MessageSender {
  headSent = false;
  readonly #call: SendingCall;
  #parts: Uint8Array[] | undefined;
  #partBytes = 0;
  #turnBytes = 0;

  constructor(call: SendingCall) {
    this.#call = call;
  }

  /** Sends the headers, if they were not sent. Throws if HTTP does not allow one of them. */
  sendHead(alone: boolean): void {
    if (!this.headSent) {
      const { dialect, exchange } = this.#call;
      exchange.sendHead({ ...dialect.head(this.#call), alone });
      this.headSent = true;
    }
  }

  /** Writes a message, or throws a ConnectError. Returns a promise only if the message is compressed. */
  write(answer: unknown): Promise<void> | undefined {
    const call = this.#call;
    const { codec, settings, responseCompression } = call;
    const message = responseMessage(call.desc, answer);
    const shared = responseCompression === undefined ? sharedEnvelope(message, codec) : undefined;
    if (shared !== undefined) {
      this.#checkSize(shared.length);
      this.#add(shared);
      return undefined;
    }
    const payload = codec.encode(message);
    this.#checkSize(payload.length);
    if (responseCompression === undefined || payload.length < settings.compressBytesMin) {
      this.#add(encodeEnvelope(0, payload));
      return undefined;
    }
    return responseCompression
      .compress(payload)
      .then((compressed) => this.#add(encodeEnvelope(compressedFlag, compressed)));
  }

  /** Whether another message may be written now. */
  get ready(): boolean {
    return this.#turnBytes < turnBytesMax && this.#call.exchange.writable && !turnIsOver();
  }

  /** Calls back once when another message may be written. */
  whenReady(callback: () => void): void {
    this.flush();
    const { exchange } = this.#call;
    if (exchange.writable) {
      setImmediate(callback);
    } else {
      exchange.onWritable(() => setImmediate(callback));
    }
  }

  /** Ends the response. Before the headers, an error is the whole response. Throws if HTTP does not allow a header or trailer. */
  end(error: ConnectError | undefined): void {
    const { dialect, exchange } = this.#call;
    this.flush();
    if (error !== undefined && !this.headSent) {
      exchange.respond(dialect.fail(this.#call, error));
      return;
    }
    this.sendHead(false);
    const last = dialect.end(this.#call, error);
    exchange.finish(last.body === undefined ? last : { ...last, body: this.#encoded(last.body) });
  }

  #checkSize(bytes: number): void {
    const { responseBytesMax } = this.#call;
    if (bytes > responseBytesMax) {
      throw responseTooLarge(responseBytesMax, bytes);
    }
  }

  #add(envelope: Uint8Array): void {
    // Sent here because it may throw. At the end of the turn, nothing would catch the error.
    this.sendHead(false);
    if (this.#parts === undefined) {
      this.#parts = [];
      process.nextTick(flushSender, this);
    }
    this.#parts.push(envelope);
    this.#partBytes += envelope.length;
    this.#turnBytes += envelope.length;
    if (this.#partBytes >= partBytesMax) {
      this.#send();
    }
  }

  /** Sends the messages that were written. */
  flush(): void {
    this.#send();
    this.#parts = undefined;
    this.#turnBytes = 0;
  }

  #send(): void {
    const parts = this.#parts;
    if (parts === undefined || parts.length === 0) {
      return;
    }
    const bytes = parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, this.#partBytes);
    parts.length = 0;
    this.#partBytes = 0;
    this.#call.exchange.sendPart(this.#encoded(bytes));
  }

  #encoded(bytes: Uint8Array): Uint8Array {
    return this.#call.type.text
      ? Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64"), "latin1")
      : bytes;
  }
}

function flushSender(sender: MessageSender): void {
  sender.flush();
}
