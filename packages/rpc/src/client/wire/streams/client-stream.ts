import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse } from "@connectrpc/connect";
import type { Clock } from "../../../environment/clock.ts";
import type { Deadlines, Expiring } from "../../../environment/deadlines.ts";
import { onNextTurn, sliceUsedUp } from "../../../environment/turn-slice.ts";
import { EnvelopeReader } from "../../../protocol/envelope-reader.ts";
import { headersFromNode } from "../../../protocol/metadata.ts";
import { markReach } from "../../call/attempt-outcome.ts";
import { canceledBy, deadlinePassed, resetAtDeadline } from "../../call/call-end.ts";
import type { OutgoingStream } from "../../call/call-layer.ts";
import { decodeMessage, type MessageFormat } from "../codec.ts";
import type { NodeFields } from "../unary-answer.ts";
import { type StreamEnd, type StreamProtocol, type StreamReading, unpack } from "./stream-protocol.ts";

/** The HTTP exchange under a stream. */
export interface StreamWire {
  /** Sends request bytes. False where more should wait for {@link StreamOwner.onDrain}. */
  send(bytes: Buffer): boolean;
  /** The request is complete. */
  end(): void;
  /** Ends the exchange at once, and tells the server. */
  cancel(): void;
  /** The caller has taken response bytes: as many more may come. */
  taken(bytes: number): void;
  /** The deadline has passed. Returns the error of a call that ends here, with how far it got. */
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
 * A streaming call from its response's head to its end. Messages are decoded when they are asked for, one at a time, in time linear in the
 * bytes that arrived; the server may send on only as they are taken. Every read looks at the deadline, so that no number of ready messages can
 * hold it off, and gives way to the rest of the process when this turn's time is used up.
 */
export class ClientStream implements Expiring, AsyncIterable<MessageShape<DescMessage>> {
  readonly endMs: number;
  /** Its place among the calls with deadlines, which the list alone changes. */
  previous: Expiring | undefined;
  next: Expiring | undefined;
  listed = false;
  settled = false;
  readonly #call: OutgoingStream;
  readonly #options: ClientStreamOptions;
  readonly #reader: EnvelopeReader;
  readonly #trailer = new Headers();
  readonly #waiters: Waiter[] = [];
  #wire: StreamWire | undefined;
  #reading: StreamReading | undefined;
  /** The response, held back while its headers tell of an error that a body would overrule. */
  #held: StreamResponse | undefined;
  #end: StreamEnd | undefined;
  #trailers: NodeFields | undefined;
  #remoteEnded = false;
  /** What the connection failed with. Messages that arrived before are read first. */
  #failure: ConnectError | undefined;
  /** Received, and not yet reported to the wire as taken. */
  #untakenBytes = 0;
  /** What the call failed with while no message was asked for. */
  #untold: ConnectError | undefined;
  #paused = false;

  constructor(call: OutgoingStream, options: ClientStreamOptions) {
    this.#call = call;
    this.#options = options;
    const { clock, protocol, readBytesMax } = options;
    this.endMs = call.timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() + call.timeoutMs;
    this.#reader = new EnvelopeReader({
      protocol: protocol.name,
      messageBytesMax: readBytesMax,
      malformedCode: Code.Internal,
    });
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
    const { method } = this.#call;
    try {
      this.#reading = this.#options.protocol.begin(status, headers);
    } catch (error) {
      this.#fail(ConnectError.from(error, Code.Internal), "answered");
      return;
    }
    const header = headersFromNode(headers);
    const response: StreamResponse = {
      stream: true,
      service: method.parent,
      method,
      header,
      trailer: this.#trailer,
      message: this,
    };
    if (this.#reading.headersError === undefined) {
      this.#options.begun(response);
    } else {
      this.#held = response;
    }
  }

  onPiece(bytes: Buffer): void {
    if (this.settled) {
      return;
    }
    if (this.#options.clock.monotonic() >= this.endMs) {
      // Not left to the timer, which has to wait while bytes keep coming.
      this.expire();
      return;
    }
    if (this.#held !== undefined) {
      this.#options.begun(this.#held);
      this.#held = undefined;
    }
    this.#reader.push(bytes);
    this.#untakenBytes += bytes.length;
    this.#serve();
  }

  onTrailers(fields: NodeFields): void {
    this.#trailers = fields;
  }

  /** The response is complete. */
  onEnd(): void {
    if (this.#held !== undefined) {
      this.#fail(this.#reading?.headersError as ConnectError, "answered");
      return;
    }
    this.#remoteEnded = true;
    this.#options.requestOver();
    this.#releaseSignal();
    this.#serve();
  }

  /** The exchange ended before the response was complete. */
  onFailure(error: ConnectError): void {
    if (this.settled || this.#remoteEnded) {
      return;
    }
    const told = resetAtDeadline(error, this.endMs - this.#options.clock.monotonic());
    if (this.#reading === undefined || this.#held !== undefined) {
      this.#settle();
      this.#options.failed(told);
      return;
    }
    this.#failure = told;
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

  /** Ends the call on account of its request: the caller's iterable threw, or a message cannot be written. */
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

  /** The caller reads no further: the server need not send the rest. */
  abandon(): void {
    if (!this.settled) {
      this.#wire?.cancel();
      this.#settle();
    }
  }

  #serve(): void {
    while (this.#waiters.length > 0 && !this.#paused) {
      const nowMs = this.#options.clock.monotonic();
      if (!this.settled && nowMs >= this.endMs) {
        this.expire();
        return;
      }
      if (sliceUsedUp(nowMs)) {
        this.#paused = true;
        onNextTurn(() => {
          this.#paused = false;
          this.#serve();
        });
        return;
      }
      if (!this.#serveOne()) {
        return;
      }
    }
  }

  /** Settles the first waiter. False where it has to wait for more bytes. */
  #serveOne(): boolean {
    try {
      if (this.#untold !== undefined) {
        this.#waiters.shift()?.reject(this.#untold);
        this.#untold = undefined;
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
    const reading = this.#reading;
    if (reading === undefined) {
      return undefined;
    }
    const { format, readBytesMax } = this.#options;
    for (;;) {
      const envelope = this.#reader.next();
      this.#reportTaken(envelope === undefined);
      if (envelope === undefined) {
        return this.#readEnd(reading);
      }
      if (this.#end !== undefined) {
        throw new ConnectError("protocol error: received data after the end of the stream", Code.Internal);
      }
      const bytes = unpack(envelope, reading, readBytesMax);
      if ((envelope.flags & reading.endFlag) === 0) {
        return { done: false, value: decodeMessage(this.#call.method.output, bytes, format) };
      }
      this.#end = reading.readEnd(bytes);
      if (this.#end.error !== undefined) {
        throw this.#end.error;
      }
    }
  }

  #readEnd(reading: StreamReading): IteratorResult<never> | undefined {
    if (!this.#remoteEnded) {
      if (this.#failure !== undefined) {
        throw this.#failure;
      }
      return undefined;
    }
    const trailers = this.#trailers;
    const missing = reading.endFlag === 0 && trailers === undefined && !this.#reader.atBoundary;
    if (missing || reading.endFlag !== 0) {
      this.#reader.end();
    }
    const { error, trailer } = reading.close({ trailers, end: this.#end });
    for (const [name, value] of trailer) {
      this.#trailer.append(name, value);
    }
    if (error !== undefined) {
      throw error;
    }
    this.#reader.end();
    this.#settle();
    return done;
  }

  /**
   * Lets the server send as much more as the caller has taken. While a message is incomplete all of it counts as taken, since a message may be
   * larger than the window.
   */
  #reportTaken(starved: boolean): void {
    const heldBytes = starved ? 0 : this.#reader.bufferedBytes;
    const takenBytes = this.#untakenBytes - heldBytes;
    if (takenBytes > 0) {
      this.#untakenBytes = heldBytes;
      this.#wire?.taken(takenBytes);
    }
  }

  #fail(error: ConnectError, reach: "answered" | undefined): void {
    if (this.settled) {
      return;
    }
    if (reach !== undefined && error !== this.#failure) {
      markReach(error, reach);
    }
    this.#settle();
    this.#wire?.cancel();
    if (this.#reading === undefined || this.#held !== undefined) {
      this.#options.failed(error);
      return;
    }
    const [first, ...others] = this.#waiters.splice(0);
    if (first === undefined) {
      this.#untold = error;
    } else {
      first.reject(error);
    }
    for (const other of others) {
      other.resolve(done);
    }
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
