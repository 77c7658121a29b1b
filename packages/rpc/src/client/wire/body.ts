/** Collects a body from its chunks. One chunk, the usual case, is kept as it is; of more, one copy is made at the end. */
export class Body {
  #first: Buffer | undefined;
  #more: Buffer[] | undefined;
  length = 0;

  add(chunk: Buffer): void {
    this.length += chunk.length;
    if (this.#first === undefined) {
      this.#first = chunk;
    } else if (this.#more === undefined) {
      this.#more = [this.#first, chunk];
    } else {
      this.#more.push(chunk);
    }
  }

  bytes(): Buffer {
    return this.#more === undefined ? (this.#first ?? empty) : Buffer.concat(this.#more, this.length);
  }
}

const empty = Buffer.alloc(0);
