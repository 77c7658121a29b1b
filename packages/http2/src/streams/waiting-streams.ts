import type { FrameWriter } from "../frames/frame-writer.ts";
import type { Http2Stream } from "./stream.ts";

/** How many streams are asked in vain, where the window is smaller than their frames would be, until it has become larger. */
const stuckMax = 4;

/** Streams with data that waits for the connection: for its window (RFC 9113, section 5.2), or for the socket. */
export class WaitingStreams {
  readonly #waiting = new Set<Http2Stream>();

  /** A stream that waits already keeps its place. */
  add(stream: Http2Stream): void {
    this.#waiting.add(stream);
  }

  delete(stream: Http2Stream): void {
    if (this.#waiting.size > 0) {
      this.#waiting.delete(stream);
    }
  }

  /** Lets them send in turn, a frame each, for as long as the connection lets them. The work is in proportion to what is sent. */
  serve(connection: { readonly sendWindow: number; readonly writer: FrameWriter }): void {
    let stuck = 0;
    // A stream that still has data adds itself again, and so comes once more, behind the others.
    for (const stream of this.#waiting) {
      if (connection.sendWindow <= 0 || connection.writer.congested || stuck === stuckMax) {
        return;
      }
      const before = connection.sendWindow;
      this.#waiting.delete(stream);
      stream.pump(1);
      if (connection.sendWindow === before && this.#waiting.has(stream)) {
        stuck++;
      }
    }
  }
}
