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
  /** The trace that the call began, which its answer names (`x-trace-id`). Undefined if the caller knows it. */
  answerTraceId: string | undefined;
  /** The largest list of headers or trailers that the caller takes, in bytes (RFC 9113, section 6.5.2). Infinity for any. */
  readonly headerBytesMax: number;
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
  /** Reads the body piece by piece, as it comes; {@link taken} lets the caller send more. */
  readPieces(receiver: PieceReceiver): void;
  /** Lets the caller send as many bytes more: those of pieces that were taken care of. */
  taken(bytes: number): void;
  /** So many bytes of the pieces are held until more has come: the beginning of a message. Counts against BUFFERED_REQUEST_BYTES_MAX. */
  hold(bytes: number): void;
  /**
   * Sends an answer's headers, to be followed by parts and an end: at once if they are `alone`, with the first part otherwise. Throws as
   * {@link respond} does.
   */
  sendHead(head: AnswerHead): void;
  /** Sends a part of the body, now or when the caller takes it. The bytes must not change any more. */
  sendPart(bytes: Uint8Array): void;
  /** Whether all parts are on their way, so that another would not wait in memory. */
  readonly writable: boolean;
  /** Calls back once, when it is {@link writable} again. */
  onWritable(callback: () => void): void;
  /** Sends the last part, and trailers, and ends the exchange. Throws, with nothing sent, where a trailer is none that HTTP allows. */
  finish(last: Pick<Answer, "body" | "trailers">): void;
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
  /** The server holds too much already, and reads no further. The call is to be answered with the error. */
  onRefused(error: ConnectError): void;
}

/** Who takes a request's body piece by piece. */
export interface PieceReceiver {
  onPiece(piece: Buffer): void;
  /** The body has ended. */
  onPiecesEnd(): void;
  /** The server holds too much already, and reads no further. The call is to be answered with the error. */
  onRefused(error: ConnectError): void;
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

/** The headers of an answer whose body follows. */
export interface AnswerHead extends Pick<Answer, "status" | "headers" | "prepared"> {
  /** Whether nothing of the body is known yet. */
  readonly alone: boolean;
}

/** The body of a request that has none. */
export const emptyBody: Buffer = Buffer.alloc(0);
