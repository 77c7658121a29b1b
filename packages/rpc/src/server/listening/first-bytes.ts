import type { Socket } from "node:net";
import { preface } from "@parley/http2";
import type { ServerLimits } from "../config/server-limits.ts";

/** The client's protocol, detected from its first bytes. `unknown`: the server does not implement it. */
export type Protocol = "HTTP/1.1" | "HTTP/2" | "TLS" | "unknown";

/**
 * Detects the protocol; undefined if there are too few bytes. TLS is detected once the record of the ClientHello is whole: what Node allocates for a
 * handshake costs more than all else of a connection, and a client that stalls gets none of it. A client with prior knowledge of HTTP/2 sends the connection preface first, in
 * pieces of any size (RFC 9113, section 3.4). No HTTP/1.1 method begins with "PRI".
 */
export function protocolOf(first: Buffer): Protocol | undefined {
  if (first[0] === handshakeRecord) {
    return first.length < helloBytes(first) ? undefined : "TLS";
  }
  const length = Math.min(first.length, methodBytes);
  if (preface.compare(first, 0, length, 0, length) === 0) {
    return length === methodBytes ? "HTTP/2" : undefined;
  }
  return otherProtocol.test(first.toString("latin1", 0, requestLineBytesMax)) ? "unknown" : "HTTP/1.1";
}

/** The content type of a TLS handshake record (RFC 8446, section 5.1). */
const handshakeRecord = 0x16;

/** The length of the header of a TLS record, and where it has the length of the rest. */
const [recordHeaderBytes, recordLengthAt] = [5, 3];
/** Of a longer ClientHello only so much is awaited. Those of today's clients have up to 2 KiB. */
const helloBytesMax = 4_096;

function helloBytes(first: Buffer): number {
  return first.length < recordHeaderBytes
    ? recordHeaderBytes
    : Math.min(recordHeaderBytes + first.readUInt16BE(recordLengthAt), helloBytesMax);
}

/** The length of "PRI". */
const methodBytes = 3;

/** A request line whose last word is not an HTTP version (RFC 9112, section 3). */
const otherProtocol = /^[!-~]+ [!-~]+ (?!HTTP\/)[^\r\n]*\r?\n/;

/** The HTTP/1.1 parser handles longer lines. */
const requestLineBytesMax = 1_024;

export interface DetectOptions extends Pick<ServerLimits, "connectionIdleTimeoutMs" | "headersTimeoutMs"> {
  /** Runs the callback now or in a later turn of the event loop. Default: now. */
  readonly inTurn?: (then: () => void) => void;
}

/**
 * Calls back with the protocol of a connection, and puts its first bytes back into the socket. Until the first byte the idle timeout applies,
 * as between two requests: clients open connections in advance, and do not retry a request if such a connection closes. From then on all bytes must
 * arrive within the timeout for headers.
 */
export function detectProtocol(
  socket: Socket,
  { connectionIdleTimeoutMs, headersTimeoutMs, inTurn = (now) => now() }: DetectOptions,
  then: (protocol: Protocol, first: Buffer) => void,
): void {
  let first: Buffer = Buffer.alloc(0);
  let untilMs: number | undefined;
  socket.setTimeout(connectionIdleTimeoutMs, () => socket.destroy());
  socket.on("error", ignoreSocketError);
  socket.on("readable", read);

  function read(): void {
    const piece: Buffer | null = socket.read();
    if (piece === null) {
      socket.destroy();
      return;
    }
    first = first.length === 0 ? piece : Buffer.concat([first, piece]);
    const protocol = protocolOf(first);
    if (protocol === undefined) {
      const nowMs = performance.now();
      untilMs ??= nowMs + headersTimeoutMs;
      if (nowMs < untilMs) {
        // Each piece would begin the same timeout again.
        socket.setTimeout(Math.ceil(untilMs - nowMs));
      } else {
        socket.destroy();
      }
      return;
    }
    socket.off("readable", read);
    socket.setTimeout(0);
    socket.removeAllListeners("timeout");
    inTurn(() => {
      socket.off("error", ignoreSocketError);
      if (!socket.destroyed) {
        socket.unshift(first);
        then(protocol, first);
      }
    });
  }
}

/** An error before the first request needs no handling. */
function ignoreSocketError(): void {}
