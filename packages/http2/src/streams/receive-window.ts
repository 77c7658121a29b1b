import { ConnectionError, errorCode } from "../frames/constants.ts";
import type { FrameWriter } from "../frames/frame-writer.ts";

/**
 * The connection's receive window (RFC 9113, section 5.2). It only limits data on its way, and is replenished at once:
 * each stream's own window limits its buffered data.
 */
export class ReceiveWindow {
  readonly #writer: FrameWriter;
  readonly #windowBytes: number;
  #left: number;
  #received = 0;

  constructor(writer: FrameWriter, windowBytes: number) {
    this.#writer = writer;
    this.#windowBytes = windowBytes;
    this.#left = windowBytes;
  }

  /** DATA arrived, including padding. Throws if it exceeds the window. */
  count(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) {
      throw new ConnectionError("DATA exceeds the connection's flow-control window", errorCode.flowControl);
    }
    this.#received += bytes;
    if (this.#received * 2 >= this.#windowBytes) {
      this.#left += this.#received;
      this.#writer.windowUpdate(0, this.#received);
      this.#received = 0;
    }
  }
}
