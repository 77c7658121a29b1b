import type { OutgoingHttpHeaders } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import type { ContentType } from "../../protocol/content-types.ts";
import type { Dialect, DialectCall } from "../wire/dialect.ts";
import type { Answer } from "../wire/exchange/exchange.ts";

/** The wire format of streams in one protocol. */
export interface StreamDialect extends Pick<Dialect, "protocolName" | "acceptEncodingHeader" | "requestEncoding"> {
  /** The header with the compression of messages. */
  readonly encodingHeader: string;
  /** The caller's timeout, in milliseconds. Throws INVALID_ARGUMENT if the header is malformed. */
  readonly timeoutMs: Dialect["timeoutMs"];
  /** Throws INVALID_ARGUMENT if another header is invalid. */
  check(call: DialectCall): void;
  /** The response headers. */
  head(call: DialectCall): Pick<Answer, "status" | "headers" | "prepared">;
  /** The end of a stream whose headers were sent: the last part of the body, or trailers. */
  end(call: DialectCall, error: ConnectError | undefined): Pick<Answer, "body" | "trailers">;
  /** The whole response for an error before the headers were sent. */
  fail(call: DialectCall, error: ConnectError): Answer;
}

/** Response headers, without those of the protocol. */
export type OwnHeaders = OutgoingHttpHeaders;

/** The name of a protocol. */
export type Protocol = ContentType["protocol"];
