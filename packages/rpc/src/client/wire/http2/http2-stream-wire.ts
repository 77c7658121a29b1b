import type { ConnectError } from "@connectrpc/connect";
import type { AnyHttp2Stream } from "@parley/http2";
import { errorCode, fieldsToObject } from "@parley/http2";
import type { Channel } from "../../connection/channel.ts";
import type { Connection } from "../../connection/client-connection.ts";
import type { ClientStream, StreamWire } from "../streams/client-stream.ts";
import type { RequestPump } from "../streams/request-pump.ts";
import type { NodeFields } from "../unary-answer.ts";
import { Http2Call } from "./http2-call.ts";

/** Unsent request bytes at which the caller's iterable is paused. */
const queuedBytesMax = 64 << 10;

/** A streaming call on an HTTP/2 stream. */
export class Http2StreamWire extends Http2Call implements StreamWire {
  readonly #head: Uint8Array;
  readonly #call: ClientStream;
  readonly #pump: RequestPump;
  #canceled = false;

  constructor(channel: Channel, { head, call, pump }: { head: Uint8Array; call: ClientStream; pump: RequestPump }) {
    super(channel);
    this.#head = head;
    this.#call = call;
    this.#pump = pump;
  }

  start(): void {
    this.#call.start(this);
    this.place();
  }

  protected override begin(connection: Connection): AnyHttp2Stream {
    const stream = connection.http2.open(this.#head);
    stream.listener = this;
    stream.onDrained = () => this.#pump.drained();
    this.stream = stream;
    void this.#pump.run(this);
    return stream;
  }

  send(bytes: Buffer): boolean {
    this.stream?.sendData(bytes);
    return (this.stream?.queuedBytes ?? 0) <= queuedBytesMax;
  }

  end(): void {
    this.stream?.end();
  }

  taken(bytes: number): void {
    if (bytes > 0) {
      this.stream?.taken(bytes);
    }
  }

  cancel(): void {
    this.#canceled = true;
    const { stream } = this;
    if (stream === undefined) {
      this.giveBack();
    } else {
      stream.reset(errorCode.cancel);
    }
  }

  expired(): ConnectError {
    return this.deadlineError();
  }

  onUnreachable(error: ConnectError): void {
    this.#call.onFailure(error);
  }

  onHeaders(fields: readonly string[]): void {
    this.received();
    const headers = fieldsToObject(fields) as NodeFields;
    this.#call.onHead(Number(headers[":status"]), headers);
  }

  onData(bytes: Buffer): void {
    this.received();
    this.#call.onPiece(bytes);
  }

  onTrailers(fields: readonly string[]): void {
    this.#call.onTrailers(fieldsToObject(fields) as NodeFields);
  }

  onEnd(): void {
    this.#call.onEnd();
    // A server that has responded needs no more of the request (RFC 9113, section 8.1).
    if (this.stream?.localEnded === false) {
      this.stream.reset(errorCode.cancel);
    }
  }

  onClose(): void {
    const { stream } = this;
    let error: ConnectError | undefined;
    if (stream !== undefined && !stream.remoteEnded && !this.#canceled) {
      error = this.closeError(stream);
      this.#call.onFailure(error);
    }
    this.giveBack(error);
  }
}
