import type { Duplex } from "node:stream";

/**
 * Stops the reads of a paused socket at once. `pause` alone stops them after one more chunk: 64 KiB for each of hundreds of connections that wait
 * for their turn.
 */
export function stopReads(socket: Duplex): void {
  const handle = (socket as HandledSocket)._handle;
  if (handle?.reading === true) {
    handle.reading = false;
    handle.readStop();
  }
}

/** Lets a socket read again as soon as it is resumed. */
export function allowReads(socket: Duplex): void {
  if ((socket as HandledSocket)._handle?.reading === false) {
    // The stream waits for the bytes that it asked for before reads stopped, and would not ask again.
    socket.push(nothing);
  }
}

/** Untyped properties of Node's sockets. */
type HandledSocket = Duplex & { readonly _handle?: { reading: boolean; readStop(): void } | null };

const nothing = Buffer.alloc(0);
