/** What the peer may send on one stream (RFC 9113, section 5.2). It grows by what was taken. */
export class StreamReceiveWindow {
  /** What the peer may send before it has heard of more. */
  left: number;
  #size: number;
  readonly #laterSize: number;
  #unannounced = 0;
  #held = false;

  /** `first`: what the peer may send before any of it was taken. From then on `later`. */
  constructor({ first, later }: { readonly first: number; readonly later: number }) {
    this.left = first;
    this.#size = first;
    this.#laterSize = later;
  }

  /** So much was taken. By how much WINDOW_UPDATE widens the window now; 0 where it is not worth a frame yet. */
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

  /** Back-pressure: the window does not grow until it is let go on. */
  hold(held: boolean): void {
    this.#held = held;
  }
}
