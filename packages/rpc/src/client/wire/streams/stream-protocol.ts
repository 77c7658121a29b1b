import { Code, ConnectError } from "@connectrpc/connect";
import { compressedFlag, encodeEnvelope } from "../../../protocol/envelope.ts";
import { headersFromNode } from "../../../protocol/metadata.ts";
import { gunzip, gzip } from "../gzip.ts";
import type { NodeFields } from "../unary-answer.ts";
import { fieldOf, type WireOptions } from "../unary-protocol.ts";

/** The server's end of a stream. */
export interface StreamEnd {
  readonly error?: ConnectError | undefined;
  readonly trailer: Headers;
}

/** A protocol's parser of one stream's response. */
export interface StreamReading {
  /** Whether messages may be compressed. */
  readonly gzip: boolean;
  /** The flag of the envelope that ends the stream; 0 if trailers do. */
  readonly endFlag: number;
  /** An error in the headers that applies if no body follows (gRPC-Web, "Trailers-Only"). */
  readonly headersError?: ConnectError | undefined;
  /** Parses the envelope that ends the stream. */
  readEnd(payload: Buffer): StreamEnd;
  /** The body has ended. Returns the stream's end, or throws a ConnectError if it is missing. */
  close(body: { readonly trailers: NodeFields | undefined; readonly end: StreamEnd | undefined }): StreamEnd;
}

/** The differences between gRPC, gRPC-Web and Connect streams. */
export interface StreamProtocol {
  readonly name: "grpc" | "grpc-web" | "connect";
  /** The fields of every request, names and values in turn. */
  readonly fields: readonly string[];
  readonly timeoutName: string;
  formatTimeout(timeoutMs: number): string;
  /** Checks the head of the response. Throws its ConnectError, or one for a malformed head. */
  begin(status: number, headers: NodeFields): StreamReading;
}

/** Wraps a request message in an envelope, compressed if requested and worth it. */
export function frameMessage(message: Uint8Array, { sendGzip, gzipBytesMin }: WireOptions): Buffer {
  return sendGzip && message.length >= gzipBytesMin
    ? encodeEnvelope(compressedFlag, gzip(message))
    : encodeEnvelope(0, message);
}

/** The bytes of an envelope, decompressed if flagged. */
export function unpack(
  { flags, payload }: { readonly flags: number; readonly payload: Buffer },
  reading: StreamReading,
  readBytesMax: number,
): Buffer {
  if ((flags & compressedFlag) === 0) {
    return payload;
  }
  if (!reading.gzip) {
    throw new ConnectError("protocol error: received a compressed message without an encoding", Code.Internal);
  }
  return gunzip(payload, readBytesMax);
}

/** Whether a response's messages are compressed, by the encoding field. Gzip is decoded whether or not it was requested. */
export function readsGzip(headers: NodeFields, name: string): boolean {
  const encoding = fieldOf(headers, name)?.toLowerCase();
  if (encoding !== undefined && encoding !== "identity" && encoding !== "gzip") {
    throw new ConnectError(
      `unsupported response encoding ${JSON.stringify(encoding)}`,
      Code.Internal,
      headersFromNode(headers),
    );
  }
  return encoding === "gzip";
}

/** Throws for an unexpected content type: `own` matches those of the same protocol, with another codec. */
export function checkContentType(headers: NodeFields, accepted: ReadonlySet<string>, own: RegExp): void {
  const contentType = fieldOf(headers, "content-type") ?? "";
  if (!accepted.has(contentType)) {
    const code = own.test(contentType) ? Code.Internal : Code.Unknown;
    throw new ConnectError(`unsupported content type ${JSON.stringify(contentType)}`, code, headersFromNode(headers));
  }
}

/** Adds a response's headers to an error's metadata. */
export function withHeaders(error: ConnectError, headers: NodeFields): ConnectError {
  for (const [name, value] of headersFromNode(headers)) {
    error.metadata.append(name, value);
  }
  return error;
}
