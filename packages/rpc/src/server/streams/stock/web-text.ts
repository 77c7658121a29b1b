import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { WebTextDecoder } from "../web-text-decoder.ts";

const textContentType = /^application\/grpc-web-text/i;

/** Whether a request is `application/grpc-web-text`, which Connect does not support. */
export function isWebText({ header }: UniversalServerRequest): boolean {
  return textContentType.test(header.get("content-type") ?? "");
}

/** Converts a request to binary gRPC-Web. */
export function fromWebText(request: UniversalServerRequest, body: AsyncIterable<Uint8Array>): UniversalServerRequest {
  const header = new Headers(request.header);
  header.set("content-type", (header.get("content-type") ?? "").replace(textContentType, "application/grpc-web"));
  return { ...request, header, body: decoded(body) };
}

/** Converts a response to the text format. */
export function toWebText(response: UniversalServerResponse): UniversalServerResponse {
  const header = new Headers(response.header);
  const contentType = header.get("content-type") ?? "";
  header.set("content-type", contentType.replace(/^application\/grpc-web/i, "application/grpc-web-text"));
  return { ...response, header, ...(response.body === undefined ? {} : { body: encoded(response.body) }) };
}

async function* decoded(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = new WebTextDecoder();
  for await (const chunk of body) {
    yield decoder.decode(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  }
  decoder.end();
}

async function* encoded(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    yield Buffer.from(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("base64"), "latin1");
  }
}
