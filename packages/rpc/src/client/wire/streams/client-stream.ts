import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse } from "@connectrpc/connect";
import type { Clock } from "../../../environment/clock.ts";
import type { Deadlines, Expiring } from "../../../environment/deadlines.ts";
import { inLaterTurn, turnIsOver } from "../../../environment/event-loop-turn.ts";
import { headersFromNode } from "../../../protocol/metadata.ts";
import { markDeliveryStatus } from "../../call/attempt-outcome.ts";
import { canceledBy, deadlinePassed, resetAtDeadline } from "../../call/call-end.ts";
import type { OutgoingStream } from "../../call/call-layer.ts";
import type { MessageFormat } from "../codec.ts";
import type { NodeFields } from "../unary-answer.ts";
import { ResponseReader } from "./response-reader.ts";
import type { StreamProtocol } from "./stream-protocol.ts";

/** The HTTP exchange under a stream. */
export interface StreamWire {
  /** Sends request bytes. False if more should wait for {@link StreamOwner.onDrain}. */
  send(bytes: Buffer): boolean;
  /** The request is complete. */
  end(): void;
  /** Ends the exchange at once, and resets it at the server. */
  cancel(): void;
  /** The caller has read response bytes: as many more may arrive. */
  taken(bytes: number): void;
  /** The deadline has passed. Returns the error of a call that ends here, with its delivery status. */
  expired(): ConnectError;
}

export interface ClientStreamOptions {
  readonly protocol: StreamProtocol;
  readonly format: MessageFormat;
  readonly readBytesMax: number;
  readonly clock: Clock;
  readonly deadlines: Deadlines<ClientStream>;
  readonly begun: (response: StreamResponse) => void;
  readonly failed: (error: unknown) => void;
  /** The call needs nothing more of its request. */
  readonly requestOver: () => void;
}

interface Waiter {
  readonly resolve: (result: IteratorResult<MessageShape<DescMessage>>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A streaming call from its response's head to its end. Messages are decoded when they are read, one at a time, in time linear in the
 * bytes that arrived; the receive window is replenished as they are read. Every read checks the deadline, so that no number of buffered messages can
 * delay it, and yields to other work when this turn's time is used up.
 */
export class ClientStream implements Expiring, AsyncIterable<MessageShape<DescMessage>> {
  readonly endMs: number;
  /** Its links in the list of deadlines, which only the list changes. */
  previous: Expiring | undefined;
  next: Expiring | undefined;
  listed = false;
  settled = false;
  readonly #call: OutgoingStream;
  readonly #options: ClientStreamOptions;
  readonly #reader: ResponseReader;
  readonly #waiters: Waiter[] = [];
  #wire: StreamWire | undefined;
  /** Whether the caller has the response. */
  #begun = false;
  /** The response, delayed while its headers contain an error that a body would override. */
  #held: { readonly response: StreamResponse; readonly error: ConnectError } | undefined;
  #remoteEnded = false;
  /** The connection's error. Messages that arrived before are read first. */
  #failure: ConnectError | undefined;
  /** The call's error while no message was being read. */
  #unreportedError: ConnectError | undefined;
  #paused = false;

  constructor(call: OutgoingStream, options: ClientStreamOptions) {
    this.#call = call;
    this.#options = options;
    const { clock, protocol, format, readBytesMax } = options;
    this.endMs = call.timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() + call.timeoutMs;
    this.#reader = new ResponseReader({ schema: call.method.output, protocol, format, readBytesMax });
  }

  /** The exchange has begun. */
  start(wire: StreamWire): void {
    this.#wire = wire;
    this.#call.signal?.addEventListener("abort", this);
    if (this.endMs !== Number.POSITIVE_INFINITY) {
      this.#options.deadlines.add(this);
    }
  }

  onHead(status: number, headers: NodeFields): void {
    if (this.settled) {
      return;
    }
    let error: ConnectError | undefined;
    try {
      error = this.#reader.begin(status, headers);
    } catch (reason) {
      this.#fail(ConnectError.from(reason, Code.Internal), "answered");
      return;
    }
    const { method } = this.#call;
    const { trailer } = this.#reader;
    const header = headersFromNode(headers);
    const response = { stream: true, service: method.parent, method, header, trailer, message: this } as const;
    if (error === undefined) {
      this.#begin(response);
    } else {
      this.#held = { response, error };
    }
  }

  onPiece(bytes: Buffer): void {
    if (this.settled) {
      return;
    }
    if (this.#options.clock.monotonic() >= this.endMs) {
      // Checked here too, since the timer has to wait while bytes keep arriving.
      this.expire();
      return;
    }
    if (this.#held !== undefined) {
      this.#begin(this.#held.response);
      this.#held = undefined;
    }
    this.#reader.push(bytes);
    this.#serve();
  }

  onTrailers(fields: NodeFields): void {
    this.#reader.setTrailers(fields);
  }

  /** The response is complete. */
  onEnd(): void {
    if (this.#held !== undefined) {
      this.#fail(this.#held.error, "answered");
      return;
    }
    this.#remoteEnded = true;
    this.#reader.complete();
    this.#options.requestOver();
    this.#releaseSignal();
    this.#serve();
  }

  /** The exchange ended before the response was complete. */
  onFailure(error: ConnectError): void {
    if (this.settled || this.#remoteEnded) {
      return;
    }
    const failure = resetAtDeadline(error, this.endMs - this.#options.clock.monotonic());
    if (!this.#begun) {
      this.#settle();
      this.#options.failed(failure);
      return;
    }
    this.#failure = failure;
    this.#options.requestOver();
    this.#serve();
  }

  expire(): void {
    const error = this.#wire?.expired() ?? deadlinePassed();
    this.#fail(error, undefined);
  }

  /** The signal has aborted. */
  handleEvent(): void {
    this.#fail(canceledBy(this.#call.signal), undefined);
  }

  /** Ends the call because of its request: the caller's iterable threw, or a message cannot be encoded. */
  cancel(error: ConnectError): void {
    this.#fail(error, undefined);
  }

  [Symbol.asyncIterator](): AsyncIterator<MessageShape<DescMessage>> {
    return {
      next: () =>
        new Promise((resolve, reject) => {
          this.#waiters.push({ resolve, reject });
          this.#serve();
        }),
      return: (value) => {
        this.abandon();
        return Promise.resolve({ done: true, value });
      },
    };
  }

  /** The caller stops reading: the server need not send the rest. */
  abandon(): void {
    if (!this.settled) {
      this.#wire?.cancel();
      this.#settle();
    }
  }

  /** `hasTurn`: the first message need not ask whether the turn is over. */
  #serve(hasTurn = false): void {
    for (let asks = !hasTurn; this.#waiters.length > 0 && !this.#paused; asks = true) {
      if (!this.settled && this.#options.clock.monotonic() >= this.endMs) {
        this.expire();
        return;
      }
      if (asks && turnIsOver()) {
        this.#paused = true;
        inLaterTurn(() => {
          this.#paused = false;
          this.#serve(true);
        });
        return;
      }
      if (!this.#serveOne()) {
        return;
      }
    }
  }

  /** Settles the first waiter. False if it has to wait for more bytes. */
  #serveOne(): boolean {
    try {
      if (this.#unreportedError !== undefined) {
        this.#waiters.shift()?.reject(this.#unreportedError);
        this.#unreportedError = undefined;
        return true;
      }
      const result = this.settled ? done : this.#read();
      if (result === undefined) {
        return false;
      }
      this.#waiters.shift()?.resolve(result);
    } catch (error) {
      this.#fail(ConnectError.from(error, Code.Internal), "answered");
    }
    return true;
  }

  #read(): IteratorResult<MessageShape<DescMessage>> | undefined {
    if (this.#call.signal?.aborted) {
      throw canceledBy(this.#call.signal);
    }
    const read = this.#reader.read();
    this.#wire?.taken(this.#reader.takenBytes({ starved: read === undefined }));
    if (read === undefined) {
      if (this.#failure !== undefined) {
        throw this.#failure;
      }
      return undefined;
    }
    if (read === "end") {
      this.#settle();
      return done;
    }
    return { done: false, value: read.message };
  }

  #fail(error: ConnectError, deliveryStatus: "answered" | undefined): void {
    if (this.settled) {
      return;
    }
    if (deliveryStatus !== undefined && error !== this.#failure) {
      markDeliveryStatus(error, deliveryStatus);
    }
    this.#settle();
    this.#wire?.cancel();
    if (!this.#begun) {
      this.#options.failed(error);
      return;
    }
    const [first, ...others] = this.#waiters.splice(0);
    if (first === undefined) {
      this.#unreportedError = error;
    } else {
      first.reject(error);
    }
    for (const other of others) {
      other.resolve(done);
    }
  }

  #begin(response: StreamResponse): void {
    this.#begun = true;
    this.#options.begun(response);
  }

  #releaseSignal(): void {
    this.#call.signal?.removeEventListener("abort", this);
  }

  #settle(): void {
    this.settled = true;
    this.#releaseSignal();
    this.#options.deadlines.delete(this);
    this.#options.requestOver();
  }
}

const done: IteratorReturnResult<undefined> = { done: true, value: undefined };
