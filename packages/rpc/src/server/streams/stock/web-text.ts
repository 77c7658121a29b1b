import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";

const textContentType = /^application\/grpc-web-text/i;

/** Whether a request is gRPC-Web in its text form, which browsers without binary streams speak and Connect does not. */
export function isWebText({ header }: UniversalServerRequest): boolean {
  return textContentType.test(header.get("content-type") ?? "");
}

/** The request as gRPC-Web in its binary form. */
export function fromWebText(request: UniversalServerRequest, body: AsyncIterable<Uint8Array>): UniversalServerRequest {
  const header = new Headers(request.header);
  header.set("content-type", (header.get("content-type") ?? "").replace(textContentType, "application/grpc-web"));
  return { ...request, header, body: decoded(body) };
}

/** The answer in the text form. */
export function toWebText(response: UniversalServerResponse): UniversalServerResponse {
  const header = new Headers(response.header);
  const contentType = header.get("content-type") ?? "";
  header.set("content-type", contentType.replace(/^application\/grpc-web/i, "application/grpc-web-text"));
  return { ...response, header, ...(response.body === undefined ? {} : { body: encoded(response.body) }) };
}

async function* decoded(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = "";
  for await (const chunk of body) {
    const text = rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
    const whole = text.length - (text.length % 4);
    rest = text.slice(whole);
    // Each frame may be encoded by itself, and then ends in padding in the middle of the text.
    for (const [part] of text.slice(0, whole).matchAll(/[^=]+={0,2}/g)) {
      yield Buffer.from(part, "base64");
    }
  }
  if (rest !== "") {
    yield Buffer.from(rest, "base64");
  }
}

async function* encoded(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    yield Buffer.from(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("base64"), "latin1");
  }
}
