import type { Message } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import type { ContentType } from "../../protocol/content-types.ts";
import type { Compression } from "./compression.ts";
import type { Answer, Exchange } from "./exchange/exchange.ts";
import type { JsonOptions, MessageCodec } from "./message-codec.ts";

/** The server's settings for dialects. */
export interface DialectSettings {
  /** The largest accepted message, in bytes, after decompression. */
  readonly requestBytesMax: number;
  /** Responses of at least this many bytes are compressed if the caller accepts it. Infinity for never. */
  readonly compressBytesMin: number;
  /** Whether Connect requests must have the protocol's version. */
  readonly requireConnectVersion: boolean;
  /** For encoding the details of Connect errors. */
  readonly json: JsonOptions;
}

/** The call that a dialect reads and writes. */
export interface DialectCall {
  readonly exchange: Exchange;
  readonly settings: DialectSettings;
  readonly codec: MessageCodec;
  readonly type: ContentType;
  /** The compression of the response, if the caller accepts one. */
  readonly responseCompression: Compression | undefined;
  /** Undefined if it was never used. */
  readonly createdResponseHeader: Headers | undefined;
  /** Undefined if it was never used. */
  readonly createdResponseTrailer: Headers | undefined;
}

/** The wire format of unary calls in one protocol. */
export interface Dialect {
  readonly protocolName: ContentType["protocol"];
  /** The header with the compressions that the caller accepts. */
  readonly acceptEncodingHeader: string;
  /** The name of the request's compression, if there is one. */
  requestEncoding(exchange: Exchange): string | undefined;
  /** The caller's timeout, in milliseconds. Throws INVALID_ARGUMENT if the header is malformed. */
  timeoutMs(exchange: Exchange): number | undefined;
  /** The most bytes of a body with a message of this size. */
  bodyBytes(messageBytes: number): number;
  /** Decodes the request's message. Throws or rejects with a ConnectError. Returns a promise only if something is asynchronous. */
  read(call: DialectCall, body: Buffer, compression: Compression | undefined): Message | Promise<Message>;
  /** The error for a body that is longer than {@link bodyBytes} of the largest message. `beginning` is the part that was read. */
  readTooLong(call: DialectCall, beginning: Buffer): ConnectError;
  /** The response with an encoded message. A promise only if it is compressed. */
  answer(call: DialectCall, payload: Uint8Array): Answer | Promise<Answer>;
  fail(call: DialectCall, error: ConnectError): Answer;
}

/** The header with the supported compressions, for an error about an unsupported one. Undefined for other errors. */
export function acceptedEncodings(
  error: ConnectError,
  { acceptEncodingHeader }: Pick<Dialect, "acceptEncodingHeader">,
): Record<string, string> | undefined {
  const accepted = error.code === Code.Unimplemented ? error.metadata.get(acceptEncodingHeader) : null;
  return accepted === null ? undefined : { [acceptEncodingHeader]: accepted };
}
