import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { EnvelopeReader } from "../../../protocol/envelope-reader.ts";
import { decodeMessage, type MessageFormat } from "../codec.ts";
import type { NodeFields } from "../unary-answer.ts";
import { type StreamEnd, type StreamProtocol, type StreamReading, unpack } from "./stream-protocol.ts";

export interface ResponseReaderOptions {
  readonly schema: DescMessage;
  readonly protocol: StreamProtocol;
  readonly format: MessageFormat;
  readonly readBytesMax: number;
}

/** The result of a read: a message, the end, or undefined if more bytes are needed. */
export type ReadResult = { readonly message: MessageShape<DescMessage> } | "end" | undefined;

/** Parses the messages and the end of a stream from its response's bytes, one at a time, as they are read. */
export class ResponseReader {
  /** The stream's trailers, once it has ended. */
  readonly trailer: Headers = new Headers();
  readonly #options: ResponseReaderOptions;
  readonly #envelopes: EnvelopeReader;
  #reading: StreamReading | undefined;
  #end: StreamEnd | undefined;
  #trailers: NodeFields | undefined;
  #complete = false;
  /** Received, and not yet returned by {@link takenBytes}. */
  #unprocessedBytes = 0;

  constructor(options: ResponseReaderOptions) {
    this.#options = options;
    this.#envelopes = new EnvelopeReader({
      protocol: options.protocol.name,
      messageBytesMax: options.readBytesMax,
      malformedCode: Code.Internal,
    });
  }

  /** Reads the head. Throws its ConnectError, or one for a malformed head. Returns an error that applies if no body follows. */
  begin(status: number, headers: NodeFields): ConnectError | undefined {
    this.#reading = this.#options.protocol.begin(status, headers);
    return this.#reading.headersError;
  }

  push(bytes: Buffer): void {
    this.#envelopes.push(bytes);
    this.#unprocessedBytes += bytes.length;
  }

  /** The response is complete but for its trailers. */
  setTrailers(fields: NodeFields): void {
    this.#trailers = fields;
  }

  complete(): void {
    this.#complete = true;
  }

  /** Throws a ConnectError if the stream ended with one, or violates the protocol. */
  read(): ReadResult {
    const reading = this.#reading;
    if (reading === undefined) {
      return undefined;
    }
    const { schema, format, readBytesMax } = this.#options;
    for (let envelope = this.#envelopes.next(); envelope !== undefined; envelope = this.#envelopes.next()) {
      if (this.#end !== undefined) {
        throw new ConnectError("protocol error: received data after the end of the stream", Code.Internal);
      }
      const bytes = unpack(envelope, reading, readBytesMax);
      if ((envelope.flags & reading.endFlag) === 0) {
        return { message: decodeMessage(schema, bytes, format) };
      }
      this.#end = reading.readEnd(bytes);
    }
    return this.#complete ? this.#readEnd(reading) : undefined;
  }

  /**
   * The bytes that the caller has read since the last call: the receive window grows by that. An incomplete message counts
   * as read, since a message may be larger than the window.
   */
  takenBytes({ starved }: { readonly starved: boolean }): number {
    const heldBytes = starved ? 0 : this.#envelopes.bufferedBytes;
    const takenBytes = Math.max(0, this.#unprocessedBytes - heldBytes);
    this.#unprocessedBytes -= takenBytes;
    return takenBytes;
  }

  #readEnd(reading: StreamReading): "end" {
    const trailers = this.#trailers;
    if (reading.endFlag !== 0 || trailers === undefined) {
      this.#envelopes.end();
    }
    const { error, trailer } = reading.close({ trailers, end: this.#end });
    for (const [name, value] of trailer) {
      this.trailer.append(name, value);
    }
    if (error !== undefined) {
      throw error;
    }
    // OK trailers do not complete half a message.
    this.#envelopes.end();
    return "end";
  }
}
