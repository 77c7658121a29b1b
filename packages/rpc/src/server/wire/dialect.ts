import type { Message } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import type { ContentType } from "../../protocol/content-types.ts";
import type { Compression } from "./compression.ts";
import type { Answer, Exchange } from "./exchange/exchange.ts";
import type { JsonOptions, MessageCodec } from "./message-codec.ts";

/** What a dialect needs to know of the server. */
export interface DialectSettings {
  /** The largest message taken in, after decompression. */
  readonly requestBytesMax: number;
  /** Responses of at least this many bytes are compressed for callers that accept it. Infinity for never. */
  readonly compressBytesMin: number;
  /** Whether Connect requests must name the protocol's version. */
  readonly requireConnectVersion: boolean;
  /** For what a Connect error says of its details. */
  readonly json: JsonOptions;
}

/** One call as a dialect sees it. */
export interface DialectCall {
  readonly exchange: Exchange;
  readonly settings: DialectSettings;
  readonly codec: MessageCodec;
  readonly type: ContentType;
  /** How the response may be compressed. */
  readonly responseCompression: Compression | undefined;
  /** Undefined if the implementation never asked for it. */
  readonly responseHeaderIfMade: Headers | undefined;
  /** Undefined if the implementation never asked for it. */
  readonly responseTrailerIfMade: Headers | undefined;
}

/** How one protocol writes unary calls. */
export interface Dialect {
  readonly protocolName: ContentType["protocol"];
  /** The header that names the compressions that the caller reads. */
  readonly acceptEncodingHeader: string;
  /** The name of the compression of the request, if there is one. */
  requestEncoding(exchange: Exchange): string | undefined;
  /** How long the caller waits, in milliseconds. Throws INVALID_ARGUMENT if it cannot be read. */
  timeoutMs(exchange: Exchange): number | undefined;
  /** The bytes of a body that holds a message of this many. */
  bodyBytes(messageBytes: number): number;
  /** Reads the one message. A promise only if something must be waited for. Throws or rejects with a ConnectError. */
  read(call: DialectCall, body: Buffer, compression: Compression | undefined): Message | Promise<Message>;
  /** What is wrong with a body that is longer than {@link bodyBytes} of the largest message, of which this is the beginning. */
  readTooLong(call: DialectCall, beginning: Buffer): ConnectError;
  /** Writes the answer around the message's bytes. A promise only if something must be waited for. */
  answer(call: DialectCall, payload: Uint8Array): Answer | Promise<Answer>;
  fail(call: DialectCall, error: ConnectError): Answer;
}

/** The header that names the compressions that are read, for an error about one that is not; undefined for other errors. */
export function acceptedEncodings(
  error: ConnectError,
  { acceptEncodingHeader }: Pick<Dialect, "acceptEncodingHeader">,
): Record<string, string> | undefined {
  const accepted = error.code === Code.Unimplemented ? error.metadata.get(acceptEncodingHeader) : null;
  return accepted === null ? undefined : { [acceptEncodingHeader]: accepted };
}
