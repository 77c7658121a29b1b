import { ConnectionError, errorCode } from "../frames/constants.ts";

/**
 * The peer's closed streams, and the state that decides how late frames on them are handled (RFC 9113, sections 5.1 and 5.1.1). For
 * a server: the peer's stream ids increase, so all below the highest are closed or open.
 */
export class ClosedStreams {
  /** Skipped ids, as pairs of the first and the last. A peer usually skips none. */
  readonly #skipped: (readonly [first: number, last: number])[] = [];
  /** Streams that this side reset, oldest first: their frames may still be on their way. */
  readonly #reset = new Set<number>();

  /** The peer opened a stream; a lower one was the highest so far. */
  began(id: number, highest: number): void {
    const first = highest === 0 ? 1 : highest + 2;
    if (id > first) {
      this.#skipped.push([first, id - 2]);
      if (this.#skipped.length > skippedMax) {
        this.#skipped.shift();
      }
    }
  }

  /** This side sent RST_STREAM. */
  wasReset(id: number): void {
    this.#reset.add(id);
    if (this.#reset.size > resetMax) {
      for (const oldest of this.#reset) {
        this.#reset.delete(oldest);
        return;
      }
    }
  }

  /** Whether this side reset the stream, as far as recorded. */
  hasReset(id: number): boolean {
    return this.#reset.has(id);
  }

  /** HEADERS on a closed stream: a connection error, unless they were on their way when this side reset the stream. */
  checkHeaders(id: number): void {
    if (this.#skipped.some(([first, last]) => first <= id && id <= last)) {
      throw new ConnectionError("the id of a new stream is lower than that of an earlier one");
    }
    if (!this.#reset.has(id)) {
      throw new ConnectionError("HEADERS on a closed stream", errorCode.streamClosed);
    }
  }
}

/** Either kind is a connection error; only the code depends on this record. */
const skippedMax = 16;

/** As many as a connection may have open at once by default. Late frames of more would be a second late. */
const resetMax = 1_000;
