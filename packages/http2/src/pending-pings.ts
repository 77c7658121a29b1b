/** Unacknowledged PING frames (RFC 9113, section 6.7). Each has its own payload, which identifies its acknowledgement. */
export class PendingPings {
  readonly #pings: { readonly payload: Buffer; readonly answered: () => void }[] = [];
  #sent = 0;

  /** The payload of a new PING. */
  add(answered: () => void): Buffer {
    const payload = Buffer.alloc(pingBytes);
    payload.writeUIntBE(++this.#sent, 2, 6);
    this.#pings.push({ payload, answered });
    return payload;
  }

  /** An acknowledgement of the PING with its payload, and of those before. An unknown one is ignored. */
  answer(payload: Buffer): void {
    const index = this.#pings.findIndex((ping) => ping.payload.equals(payload));
    this.#settle(index + 1);
  }

  /** The connection has ended: no acknowledgement arrives any more. */
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
