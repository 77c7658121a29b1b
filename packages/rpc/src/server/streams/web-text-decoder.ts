import { Code, ConnectError } from "@connectrpc/connect";

/** Decodes a body of `application/grpc-web-text` incrementally. Clients may encode each frame separately, so padding may occur in the middle. */
export class WebTextDecoder {
  #rest = "";

  /** The bytes of the complete groups of four characters. Throws INVALID_ARGUMENT if the text is not base64. */
  decode(piece: Buffer): Buffer {
    const text = this.#rest + piece.toString("latin1");
    const whole = text.length - (text.length % quantumChars);
    this.#rest = text.slice(whole);
    if (!base64.test(text.slice(0, whole))) {
      throw notBase64();
    }
    const ready = text.slice(0, whole);
    if (!ready.includes("=")) {
      return Buffer.from(ready, "base64");
    }
    return Buffer.concat(Array.from(ready.matchAll(frame), ([part]) => Buffer.from(part, "base64")));
  }

  /** Throws INVALID_ARGUMENT if the text ends inside a group of four characters. */
  end(): void {
    if (this.#rest !== "") {
      throw notBase64();
    }
  }
}

/** Base64 encodes 3 bytes as 4 characters. */
const quantumChars = 4;
const base64 = /^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)*$/;
/** Text up to padding, including the padding. */
const frame = /[^=]+={0,2}/g;

function notBase64(): ConnectError {
  return new ConnectError(
    "The body is not base64, as the content-type application/grpc-web-text says.",
    Code.InvalidArgument,
  );
}
