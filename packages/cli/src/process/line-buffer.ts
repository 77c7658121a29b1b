/** The longest line passed on whole, in characters. An endless line must not fill the memory. */
const lineLengthMax = 64 * 1024;

/** Splits a stream of text into lines. */
export class LineBuffer {
  readonly #onLine: (line: string) => void;
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  write(chunk: string): void {
    const lines = (this.#rest + chunk).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      this.#onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
    }
    while (this.#rest.length > lineLengthMax) {
      this.#onLine(this.#rest.slice(0, lineLengthMax));
      this.#rest = this.#rest.slice(lineLengthMax);
    }
  }

  /** Passes on the rest: a last line without its end. */
  end(): void {
    if (this.#rest !== "") {
      this.#onLine(this.#rest);
      this.#rest = "";
    }
  }
}
