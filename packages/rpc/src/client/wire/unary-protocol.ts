import type { CodecName } from "./codec.ts";
import type { HttpAnswer, NodeFields } from "./unary-answer.ts";

/** A wire transport's options for messages. */
export interface WireOptions {
  readonly codec: CodecName;
  /** The largest response message, decompressed. */
  readonly readBytesMax: number;
  /** Whether gzip responses are requested. An unrequested one is decoded all the same. */
  readonly acceptGzip: boolean;
  /** Whether requests of `gzipBytesMin` and more are compressed. */
  readonly sendGzip: boolean;
  readonly gzipBytesMin: number;
  readonly userAgent: string;
}

/** An encoded request message. */
export interface OutgoingBody {
  readonly bytes: Buffer;
  /** Fields that only this body needs, names and values in turn. */
  readonly fields: readonly string[];
}

/** A received response message, and its metadata. */
export interface IncomingMessage {
  readonly bytes: Buffer;
  readonly header: NodeFields;
  readonly trailer: NodeFields;
}

/** The differences between gRPC's and Connect's unary calls, without HTTP. */
export interface UnaryProtocol {
  /** The fields of every request, names and values in turn. */
  readonly fields: readonly string[];
  readonly timeoutName: string;
  formatTimeout(timeoutMs: number): string;
  /** The largest body of the response: the message's limit plus the protocol's overhead. */
  readonly bodyBytesMax: number;
  /** Wraps the message as the protocol requires. */
  frame(message: Uint8Array): OutgoingBody;
  /** Extracts the message from the response. Throws its `ConnectError`, or one for a malformed response. */
  read(answer: HttpAnswer): IncomingMessage;
}

/** The one value of a field; of several, the first. */
export function fieldOf(fields: NodeFields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === "string" ? value : value?.[0];
}
