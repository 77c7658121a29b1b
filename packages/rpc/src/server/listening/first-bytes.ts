import type { Socket } from "node:net";
import { preface } from "@parley/http2";
import type { ServerLimits } from "../config/server-limits.ts";

/** What a client speaks, by its first bytes. `unknown` is no protocol of ours, so that no answer would be understood. */
export type Protocol = "HTTP/1.1" | "HTTP/2" | "TLS" | "unknown";

/**
 * The protocol of a connection without TLS; undefined while too few bytes are there to tell. A client with prior knowledge of HTTP/2 sends its
 * preface first, in pieces of any size (RFC 9113, section 3.4), and no HTTP/1.1 method begins with "PRI".
 */
export function protocolOf(first: Buffer): Protocol | undefined {
  if (first[0] === handshakeRecord) {
    return "TLS";
  }
  const length = Math.min(first.length, methodBytes);
  if (preface.compare(first, 0, length, 0, length) === 0) {
    return length === methodBytes ? "HTTP/2" : undefined;
  }
  return otherProtocol.test(first.toString("latin1", 0, requestLineBytesMax)) ? "unknown" : "HTTP/1.1";
}

/** The type of the record that begins a TLS connection (RFC 8446, section 5.1). */
const handshakeRecord = 0x16;

/** The length of "PRI". */
const methodBytes = 3;

/** A line of three words, of which the last is no version of HTTP (RFC 9112, section 3). */
const otherProtocol = /^[!-~]+ [!-~]+ (?!HTTP\/)[^\r\n]*\r?\n/;

/** Longer lines are left to the HTTP/1.1 parser. */
const requestLineBytesMax = 1_024;

/**
 * Calls back with the protocol that a connection's first bytes show. They stay there to be read. Until the first byte it is idle, as between two
 * requests: clients open connections ahead of need, and do not repeat a request whose new connection is closed on them.
 */
export function detectProtocol(
  socket: Socket,
  limits: Pick<ServerLimits, "connectionIdleTimeoutMs" | "headersTimeoutMs">,
  then: (protocol: Protocol, first: Buffer) => void,
): void {
  let first: Buffer = Buffer.alloc(0);
  socket.setTimeout(limits.connectionIdleTimeoutMs, () => socket.destroy());
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
      socket.setTimeout(limits.headersTimeoutMs);
      return;
    }
    socket.off("readable", read);
    socket.setTimeout(0);
    socket.removeAllListeners("timeout");
    socket.off("error", ignoreSocketError);
    socket.unshift(first);
    then(protocol, first);
  }
}

/** A connection that breaks before its first request concerns nothing else. */
function ignoreSocketError(): void {}
