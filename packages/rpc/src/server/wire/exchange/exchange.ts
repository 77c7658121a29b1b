import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import type { ConnectError } from "@connectrpc/connect";

/** One HTTP request and its response, over HTTP/1.1 or HTTP/2. */
export interface Exchange {
  /** The request's headers, with names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** `POST` or `GET`. */
  readonly requestMethod: string;
  /** The request target: the path with its query. */
  readonly target: string;
  /** The request's full URL, for handlers. */
  readonly url: string;
  /** The peer's address, or the name on its client certificate. */
  readonly peer: string;
  /** Its connection, the same object for all requests on it. */
  readonly connection: object;
  /** The trace id for the response (`x-trace-id`). Undefined if it has none. */
  answerTraceId: string | undefined;
  /** The caller's SETTINGS_MAX_HEADER_LIST_SIZE, in bytes (RFC 9113, section 6.5.2). Infinity for no limit. */
  readonly headerBytesMax: number;
  /** Whether a response can still be sent. */
  readonly open: boolean;
  /** Reads the whole body. Calls one of the receiver's functions once, or none if the caller disconnects before. */
  readBody(bytesMax: number, receiver: BodyReceiver): void;
  /** The bytes of the body that were received so far. */
  readonly bodyBytes: number;
  /**
   * Sends the response and ends the exchange. Does nothing if the caller has disconnected. Throws, with nothing sent, if HTTP does not allow
   * a header of the response.
   */
  respond(answer: Answer): void;
  /** Reads the body in pieces as they arrive. Backpressure: call {@link taken} for processed pieces. */
  readPieces(receiver: PieceReceiver): void;
  /** Replenishes the receive window by this many bytes of processed pieces. */
  taken(bytes: number): void;
  /** Sets how many received bytes are buffered as the beginning of a message. They count against BUFFERED_REQUEST_BYTES_MAX. */
  hold(bytes: number): void;
  /**
   * Sends the response headers, before parts and an end: at once if they are `alone`, otherwise with the first part. Throws as
   * {@link respond} does.
   */
  sendHead(head: AnswerHead): void;
  /** Sends a part of the body, now or when flow control allows it. The bytes must not change afterwards. */
  sendPart(bytes: Uint8Array): void;
  /** Whether there are no unsent bytes, so that another part would not be buffered. */
  readonly writable: boolean;
  /** Calls back once when it is {@link writable} again. */
  onWritable(callback: () => void): void;
  /** Sends the last part and trailers, and ends the exchange. Throws, with nothing sent, if HTTP does not allow a trailer. */
  finish(last: Pick<Answer, "body" | "trailers">): void;
  /** Ends the exchange without a response. */
  abandon(): void;
  /** Calls back when the stream or the HTTP/1.1 response has closed, answered or not. `reason` creates the error for it. */
  onGone(callback: (reason: () => ConnectError) => void): void;
}

/** Receives a request's whole body. */
export interface BodyReceiver {
  onBody(body: Buffer): void;
  /** The body is too long. Only its beginning was kept. */
  onBodyTooLong(beginning: Buffer): void;
  /** The server has buffered too much, and stops reading. Answer the call with the error. */
  onRefused(error: ConnectError): void;
}

/** Receives a request's body in pieces. */
export interface PieceReceiver {
  onPiece(piece: Buffer): void;
  /** The body has ended. */
  onPiecesEnd(): void;
  /** The server has buffered too much, and stops reading. Answer the call with the error. */
  onRefused(error: ConnectError): void;
}

/** A response, ready to be sent. */
export interface Answer {
  readonly status: number;
  /** Names in lower case. The sender may change the object. */
  readonly headers: OutgoingHttpHeaders;
  /** All headers as an encoded HTTP/2 header block, if many responses share them. */
  readonly prepared?: Uint8Array | undefined;
  /** Undefined for a response without a body. */
  readonly body?: Uint8Array | undefined;
  /** Undefined for a response without trailers. May be an encoded header block, like `prepared`. */
  readonly trailers?: OutgoingHttpHeaders | Uint8Array | undefined;
}

/** The headers of a response whose body follows. */
export interface AnswerHead extends Pick<Answer, "status" | "headers" | "prepared"> {
  /** Whether no part of the body is available yet. */
  readonly alone: boolean;
}

/** An empty body. */
export const emptyBody: Buffer = Buffer.alloc(0);
