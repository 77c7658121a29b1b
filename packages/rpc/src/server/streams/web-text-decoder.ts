import { decodeWebText, notBase64 } from "../wire/web-text.ts";

/** Decodes a body of `application/grpc-web-text` incrementally. */
export class WebTextDecoder {
  #rest: Buffer = nothing;

  /** The bytes of the complete groups of four characters. Throws INVALID_ARGUMENT if the text is not base64. */
  decode(piece: Buffer): Buffer {
    const text = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const whole = text.length & ~3;
    // Copied: it must not keep the piece in memory.
    this.#rest = whole === text.length ? nothing : Buffer.from(text.subarray(whole));
    return decodeWebText(text.subarray(0, whole));
  }

  /** Throws INVALID_ARGUMENT if the text ends inside a group of four characters. */
  end(): void {
    if (this.#rest.length > 0) {
      throw notBase64();
    }
  }
}

const nothing = Buffer.alloc(0);
