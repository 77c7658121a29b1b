import { Code, ConnectError } from "@connectrpc/connect";
import { compressedFlag, encodeEnvelope } from "../../../protocol/envelope.ts";
import { headersFromNode } from "../../../protocol/metadata.ts";
import { gunzip, gzip } from "../gzip.ts";
import type { NodeFields } from "../unary-answer.ts";
import { fieldOf, type WireOptions } from "../unary-protocol.ts";

/** How a stream ended, as the server said. */
export interface StreamEnd {
  readonly error?: ConnectError | undefined;
  readonly trailer: Headers;
}

/** The response of one stream as its protocol reads it. */
export interface StreamReading {
  /** Whether messages may be compressed. */
  readonly gzip: boolean;
  /** The flag of the envelope that ends the stream; 0 where trailers do. */
  readonly endFlag: number;
  /** An error in the headers that counts where no body follows (gRPC-Web, "Trailers-Only"). */
  readonly headersError?: ConnectError | undefined;
  /** Reads the envelope that ends the stream. */
  readEnd(payload: Buffer): StreamEnd;
  /** The body is over. Returns how the stream ended, or throws a ConnectError if that is missing. */
  close(body: { readonly trailers: NodeFields | undefined; readonly end: StreamEnd | undefined }): StreamEnd;
}

/** What is particular to gRPC, gRPC-Web and Connect streams. */
export interface StreamProtocol {
  readonly name: "grpc" | "grpc-web" | "connect";
  /** The fields that every request has, names and values in turn. */
  readonly fields: readonly string[];
  readonly timeoutName: string;
  formatTimeout(timeoutMs: number): string;
  /** Checks the head of the response. Throws the ConnectError that it says or is. */
  begin(status: number, headers: NodeFields): StreamReading;
}

/** Puts a request message into an envelope, compressed where that is asked for and worth it. */
export function frameMessage(message: Uint8Array, { sendGzip, gzipBytesMin }: WireOptions): Buffer {
  return sendGzip && message.length >= gzipBytesMin
    ? encodeEnvelope(compressedFlag, gzip(message))
    : encodeEnvelope(0, message);
}

/** The bytes of an envelope, decompressed where its flag says so. */
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

/** Whether a response's messages are compressed, by the field that names the encoding. Gzip is read whether or not it was asked for. */
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

/** Throws if a response's content type is not the expected one: `own` matches those of the same protocol, with another codec. */
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
