/** The receive window of one stream (RFC 9113, section 5.2). It is replenished as the application reads. */
export class StreamReceiveWindow {
  /** The initial window, until the peer gets a WINDOW_UPDATE. */
  left: number;
  #size: number;
  readonly #laterSize: number;
  #unannounced = 0;
  #held = false;

  /** `first`: the window until the application has read from the stream. From then on `later`. */
  constructor({ first, later }: { readonly first: number; readonly later: number }) {
    this.left = first;
    this.#size = first;
    this.#laterSize = later;
  }

  /** The application has read this much. Returns the increment of a WINDOW_UPDATE; 0 if it is not worth a frame yet. */
  taken(bytes: number): number {
    this.#unannounced += bytes;
    if (this.#held || this.#unannounced * 2 < this.#size) {
      return 0;
    }
    const more = this.#unannounced + this.#laterSize - this.#size;
    this.#size = this.#laterSize;
    this.#unannounced = 0;
    this.left += more;
    return more;
  }

  /** Backpressure: the window is not replenished until it is released. */
  hold(held: boolean): void {
    this.#held = held;
  }
}
