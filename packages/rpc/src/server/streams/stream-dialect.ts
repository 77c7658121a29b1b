import type { OutgoingHttpHeaders } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import type { ContentType } from "../../protocol/content-types.ts";
import type { Dialect, DialectCall } from "../wire/dialect.ts";
import type { Answer } from "../wire/exchange/exchange.ts";

/** How one protocol writes streams. */
export interface StreamDialect extends Pick<Dialect, "protocolName" | "acceptEncodingHeader" | "requestEncoding"> {
  /** The header that names the compression of messages. */
  readonly encodingHeader: string;
  /** How long the caller waits, in milliseconds. Throws INVALID_ARGUMENT if it cannot be read. */
  readonly timeoutMs: Dialect["timeoutMs"];
  /** Throws INVALID_ARGUMENT if something else in the headers is wrong. */
  check(call: DialectCall): void;
  /** The answer's headers. */
  head(call: DialectCall): Pick<Answer, "status" | "headers" | "prepared">;
  /** What ends a stream whose headers are sent. */
  end(call: DialectCall, error: ConnectError | undefined): Pick<Answer, "body" | "trailers">;
  /** The whole answer where there is an error before the headers are sent. */
  fail(call: DialectCall, error: ConnectError): Answer;
}

/** The headers of an answer, but for those of the protocol. */
export type OwnHeaders = OutgoingHttpHeaders;

/** The protocols. */
export type Protocol = ContentType["protocol"];
