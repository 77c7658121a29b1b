import { Code, ConnectError } from "@connectrpc/connect";
import { compressedFlag, connectEndStreamFlag, envelopeHeaderBytes, grpcWebTrailerFlag } from "./envelope.ts";
import { messageTooLarge } from "./message-size.ts";
import { PieceQueue } from "./piece-queue.ts";

/** The flags that each protocol defines for the first byte of an envelope. A bit outside of them is reserved. */
export const envelopeFlags = {
  /** gRPC over HTTP/2, "Length-Prefixed-Message": the Compressed-Flag is 0 or 1. */
  grpc: compressedFlag,
  /** gRPC-Web: the most significant bit marks the trailers. */
  "grpc-web": compressedFlag | grpcWebTrailerFlag,
  /** Connect streams, "Enveloped-Message": compressed, and the end of the stream. */
  connect: compressedFlag | connectEndStreamFlag,
} as const;

/** The protocol and the limits of an {@link EnvelopeReader}. */
export interface EnvelopeReaderOptions {
  readonly protocol: keyof typeof envelopeFlags;
  /** The largest message, as the envelope's header states it. */
  readonly messageBytesMax: number;
  /** The code for malformed envelopes: INVALID_ARGUMENT for a request, INTERNAL for a response. */
  readonly malformedCode: Code.InvalidArgument | Code.Internal;
}

/** One message as received, compressed or not. */
export interface ReadEnvelope {
  readonly flags: number;
  /** Its bytes. May be a view of a pushed piece. */
  readonly payload: Buffer;
}

/**
 * Reads envelopes from a body that arrives in pieces of any size. Each byte is copied at most twice, whatever the pieces, and memory grows
 * with the bytes that have arrived, never with the length that a header states. The header is checked as soon as its five bytes have arrived.
 */
export class EnvelopeReader {
  readonly #options: EnvelopeReaderOptions;
  readonly #pieces = new PieceQueue();
  /** The header of the current envelope; -1 until its five bytes have arrived. */
  #flags = -1;
  #payloadBytes = 0;

  constructor(options: EnvelopeReaderOptions) {
    this.#options = options;
  }

  /** The bytes that have arrived and were not returned by {@link next}. */
  get bufferedBytes(): number {
    return this.#pieces.byteLength;
  }

  /** Whether the body may end here: between two envelopes. */
  get atBoundary(): boolean {
    return this.#flags < 0 && this.#pieces.byteLength === 0;
  }

  /** Adds received bytes. They must not change afterwards. */
  push(piece: Buffer): void {
    this.#pieces.push(piece);
  }

  /**
   * The next envelope, once it is complete. Throws a ConnectError for reserved flags, and for an oversized message as soon as
   * its header has arrived; the reader cannot be used after that.
   */
  next(): ReadEnvelope | undefined {
    if (this.#flags < 0 && !this.#readHeader()) {
      return undefined;
    }
    if (this.#pieces.byteLength < this.#payloadBytes) {
      return undefined;
    }
    const envelope = { flags: this.#flags, payload: this.#pieces.take(this.#payloadBytes) };
    this.#flags = -1;
    return envelope;
  }

  /** Checks that the body ended between two envelopes. Throws a ConnectError if it did not. */
  end(): void {
    if (!this.atBoundary) {
      throw new ConnectError("protocol error: incomplete envelope", this.#options.malformedCode);
    }
  }

  #readHeader(): boolean {
    if (this.#pieces.byteLength < envelopeHeaderBytes) {
      return false;
    }
    const { flags, bytes } = this.#pieces.takeHeader();
    const { messageBytesMax } = this.#options;
    checkEnvelopeFlags(flags, this.#options);
    if (bytes > messageBytesMax) {
      throw messageTooLarge(messageBytesMax, bytes);
    }
    this.#flags = flags;
    this.#payloadBytes = bytes;
    return true;
  }
}

/** Throws a ConnectError if a reserved flag is set: INTERNAL for gRPC and gRPC-Web, as in other implementations, `malformedCode` for Connect. */
export function checkEnvelopeFlags(
  flags: number,
  { protocol, malformedCode }: Pick<EnvelopeReaderOptions, "protocol" | "malformedCode">,
): void {
  const reserved = flags & ~envelopeFlags[protocol];
  if (reserved !== 0) {
    const code = protocol === "connect" ? malformedCode : Code.Internal;
    const bits = `0x${reserved.toString(16).padStart(2, "0")}`;
    throw new ConnectError(`protocol error: an envelope has the reserved flags ${bits} set`, code);
  }
}
