/** A stream of messages that are sent one at a time, each after the response to the previous one. */
export class Turns<T> implements AsyncIterable<T> {
  readonly #messages: T[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  send(message: T): void {
    this.#messages.push(message);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) {
        yield message;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
