import type { DescField, DescMessage, JsonObject, Message } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";

/**
 * `google.api.HttpBody` (google/api/httpbody.proto): a raw HTTP body. Its `data` is the body and its `content_type` the content type, without JSON
 * encoding.
 */
const typeName = "google.api.HttpBody";

/** The default content type (RFC 9110, section 8.3). */
const unknownType = "application/octet-stream";

/** Whether the message, or the field's message, is an HttpBody. */
export function isHttpBody(what: DescMessage | DescField | undefined): boolean {
  const message = what?.kind === "field" ? (what.fieldKind === "message" ? what.message : undefined) : what;
  return message?.typeName === typeName;
}

/** The HttpBody of a request in ProtoJSON. */
export function httpBodyJson(bytes: Uint8Array, contentType: string | undefined): JsonObject {
  return { contentType: contentType ?? unknownType, data: base64Encode(bytes) };
}

/** The content type and the bytes of an HttpBody. Both are empty if there is none. */
export function httpBodyContent(message: Message | undefined): {
  readonly contentType: string;
  readonly data: Uint8Array;
} {
  const { contentType = "", data = new Uint8Array(0) } = (message ?? {}) as { contentType?: string; data?: Uint8Array };
  // Only valid header characters: the value comes from the service.
  return { contentType: /^[\x20-\x7e]+$/.test(contentType) ? contentType : unknownType, data };
}
