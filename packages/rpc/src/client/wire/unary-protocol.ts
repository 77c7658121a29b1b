import type { CodecName } from "./codec.ts";
import type { HttpAnswer, NodeFields } from "./unary-answer.ts";

/** What a wire transport is told about messages. */
export interface WireOptions {
  readonly codec: CodecName;
  /** The most bytes that an answer's message may have, decompressed. */
  readonly readBytesMax: number;
  /** Whether responses are asked for in gzip. One that is compressed unasked is read all the same. */
  readonly acceptGzip: boolean;
  /** Whether requests of `gzipBytesMin` and more are compressed. */
  readonly sendGzip: boolean;
  readonly gzipBytesMin: number;
  readonly userAgent: string;
}

/** A request's message as it goes out. */
export interface OutgoingBody {
  readonly bytes: Buffer;
  /** Fields that only this body needs, names and values in turn. */
  readonly fields: readonly string[];
}

/** An answer's message as it came in, and the metadata around it. */
export interface IncomingMessage {
  readonly bytes: Buffer;
  readonly header: NodeFields;
  readonly trailer: NodeFields;
}

/** What sets gRPC's and Connect's unary calls apart, once HTTP is taken away. */
export interface UnaryProtocol {
  /** The fields that every request has, names and values in turn. */
  readonly fields: readonly string[];
  readonly timeoutName: string;
  formatTimeout(timeoutMs: number): string;
  /** The most bytes that an answer's body may have: the message's limit and what is around it. */
  readonly bodyBytesMax: number;
  /** Puts around the message what the protocol wants around it. */
  frame(message: Uint8Array): OutgoingBody;
  /** Finds the message in the answer. Throws the `ConnectError` that the answer says or is. */
  read(answer: HttpAnswer): IncomingMessage;
}

/** The one value of a field; of several, the first. */
export function fieldOf(fields: NodeFields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === "string" ? value : value?.[0];
}
