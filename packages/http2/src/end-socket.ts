import type { Duplex } from "node:stream";

/** How long GOAWAY with an error, and what was written before it, may take to leave. */
const goawayLeavesMs = 1_000;

/** Ends a socket after what was written to it. `atOnce`: whether it is then closed, whatever its peer still sends, and soon even if the peer reads nothing. */
export function endSocket(socket: Duplex, { atOnce }: { readonly atOnce: boolean }): void {
  socket.end(atOnce ? () => socket.destroy() : undefined);
  if (atOnce && !socket.destroyed) {
    setTimeout(() => socket.destroy(), goawayLeavesMs).unref();
  }
}
