import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import type { ConnectError } from "@connectrpc/connect";

/** One HTTP request and its answer, whichever HTTP version carries them. */
export interface Exchange {
  /** The request's headers, with names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** `POST` or `GET`. */
  readonly requestMethod: string;
  /** The request target: the path with its query. */
  readonly target: string;
  /** The request's whole URL, as a handler sees it. */
  readonly url: string;
  /** Where the request comes from: an address, or the name on a client certificate. */
  readonly peer: string;
  /** The connection that it came by: the same object for all its requests. */
  readonly connection: object;
  /** Whether the caller is still there to be answered. */
  readonly open: boolean;
  /** Reads the whole body. One of the receiver's functions is called, once; none, if the caller goes away before. */
  readBody(bytesMax: number, receiver: BodyReceiver): void;
  /** The bytes of the body that have come so far. */
  readonly bodyBytes: number;
  /**
   * Sends the answer and ends the exchange. Does nothing if the caller is gone. Throws, with nothing sent, where a header of the answer is
   * none that HTTP allows.
   */
  respond(answer: Answer): void;
  /** Ends the exchange without an answer. */
  abandon(): void;
  /** Calls back when the caller is gone, answered or not. What it said, or what happened, is told if asked for. */
  onGone(callback: (reason: () => ConnectError) => void): void;
}

/** Who takes a request's body. */
export interface BodyReceiver {
  onBody(body: Buffer): void;
  /** The body is longer than allowed. Told with its beginning, which alone is kept. */
  onBodyTooLong(beginning: Buffer): void;
}

/** An answer, ready to be sent. */
export interface Answer {
  readonly status: number;
  /** Names in lower case. Taken over: the sender may change it. */
  readonly headers: OutgoingHttpHeaders;
  /** All of the headers, written for HTTP/2 already, where many answers share them. */
  readonly prepared?: Uint8Array | undefined;
  /** Undefined for an answer of headers alone. */
  readonly body?: Uint8Array | undefined;
  /** Undefined for an answer without trailers. May be written for HTTP/2 already, as `prepared`. */
  readonly trailers?: OutgoingHttpHeaders | Uint8Array | undefined;
}

/** The body of a request that has none. */
export const emptyBody: Buffer = Buffer.alloc(0);
