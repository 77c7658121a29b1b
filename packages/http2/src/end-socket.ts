import type { Duplex } from "node:stream";

/** The time for sending GOAWAY with an error, and earlier data. */
const goawayLeavesMs = 1_000;

/** Ends a socket after its pending writes. `atOnce`: whether it is then closed even if its peer still sends, and soon even if the peer does not read. */
export function endSocket(socket: Duplex, { atOnce }: { readonly atOnce: boolean }): void {
  socket.end(atOnce ? () => socket.destroy() : undefined);
  if (atOnce && !socket.destroyed) {
    setTimeout(() => socket.destroy(), goawayLeavesMs).unref();
  }
}
