import type { Duplex } from "node:stream";

/** The time limit for sending GOAWAY with an error, and earlier data. */
const goawayWriteTimeoutMs = 1_000;

/**
 * Ends a socket after its pending writes. `atOnce`: closes it right after them, even if the peer still sends, and after a second even if the
 * peer does not read them.
 */
export function endSocket(socket: Duplex, { atOnce }: { readonly atOnce: boolean }): void {
  socket.end(atOnce ? () => socket.destroy() : undefined);
  if (atOnce && !socket.destroyed) {
    setTimeout(() => socket.destroy(), goawayWriteTimeoutMs).unref();
  }
}
