/** PING frames that wait for their answer (RFC 9113, section 6.7). Each has a payload of its own, by which its answer is known. */
export class PendingPings {
  readonly #pings: { readonly payload: Buffer; readonly answered: () => void }[] = [];
  #sent = 0;

  /** The payload of one more. */
  add(answered: () => void): Buffer {
    const payload = Buffer.alloc(pingBytes);
    payload.writeUIntBE(++this.#sent, 2, 6);
    this.#pings.push({ payload, answered });
    return payload;
  }

  /** An answer: it answers the PING with its payload, and those before. One that answers none is ignored. */
  answer(payload: Buffer): void {
    const index = this.#pings.findIndex((ping) => ping.payload.equals(payload));
    this.#settle(index + 1);
  }

  /** The connection is over: no answer comes any more. */
  close(): void {
    this.#settle(this.#pings.length);
  }

  #settle(count: number): void {
    for (const { answered } of this.#pings.splice(0, count)) {
      answered();
    }
  }
}

export const pingBytes = 8;
