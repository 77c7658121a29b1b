import type { FrameWriter } from "./frames/frame-writer.ts";
import type { Http2Stream } from "./stream.ts";

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
    // A stream that still has data adds itself again, and so comes once more, behind the others.
    for (const stream of this.#waiting) {
      if (connection.sendWindow <= 0 || connection.writer.congested) {
        return;
      }
      this.#waiting.delete(stream);
      stream.pump(1);
    }
  }
}
