import type { FrameWriter } from "../frames/frame-writer.ts";
import type { Http2Stream } from "./stream.ts";

/** How many streams are tried without success, because the window is smaller than their frames, before the rest wait for it to grow. */
const stuckMax = 4;

/** Streams with data that waits for the connection: for its window (RFC 9113, section 5.2), or for the socket. */
export class WaitingStreams {
  readonly #waiting = new Set<Http2Stream>();

  /** A stream that waits already keeps its position. */
  add(stream: Http2Stream): void {
    this.#waiting.add(stream);
  }

  delete(stream: Http2Stream): void {
    if (this.#waiting.size > 0) {
      this.#waiting.delete(stream);
    }
  }

  /** Lets them send in turn, a frame each, as long as the connection allows. The work is proportional to the data sent. */
  serve(connection: { readonly sendWindow: number; readonly writer: FrameWriter }): void {
    let stuck = 0;
    // A stream that still has data adds itself again, behind the others.
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
