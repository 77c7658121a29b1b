import type { JsonValue } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { DecodeLimitError, defaultDecodeBudget, fieldSentence, scanJson, scannedBytesMin } from "@parley/contract";
import { parseMediaType } from "../media-type.ts";
import { quoted, RestProblem } from "../problem.ts";
import { parseJson } from "./json-text.ts";

/** The sources of a request body. */
export type BodySource = AsyncIterable<Uint8Array> | Uint8Array | undefined;

/** Reads the whole body. Throws a {@link RestProblem} (413) as soon as it is longer than `lengthMax` bytes. */
export async function readBody(source: BodySource, lengthMax: number): Promise<Uint8Array> {
  if (source === undefined) {
    return new Uint8Array(0);
  }
  if (source instanceof Uint8Array) {
    if (source.byteLength > lengthMax) {
      throw tooLarge(lengthMax);
    }
    return source;
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    length += chunk.byteLength;
    if (length > lengthMax) {
      throw tooLarge(lengthMax);
    }
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : concatenated(chunks, length);
}

/**
 * Parses the body as JSON. Undefined if it is empty. Throws a {@link RestProblem}: 415 if its content type is not JSON in UTF-8, 400 if it is not
 * JSON.
 */
export function parseBody(bytes: Uint8Array, contentType: string | undefined): JsonValue | undefined {
  if (bytes.byteLength === 0) {
    return undefined;
  }
  refuseOtherMedia(contentType);
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw new RestProblem("INVALID_REQUEST", "The body is not JSON: it is not valid UTF-8.", { cause });
  }
  refuseCostly(bytes);
  return parseJson(text);
}

/** Throws a {@link RestProblem} (400), before parsing, for a body with more elements, values or levels than a request may have. */
function refuseCostly(bytes: Uint8Array): void {
  if (bytes.byteLength < scannedBytesMin) {
    return;
  }
  try {
    scanJson(bytes, defaultDecodeBudget);
  } catch (cause) {
    if (!(cause instanceof DecodeLimitError)) {
      throw cause;
    }
    // A body that is nested too deep has the same reason as one that cannot be parsed.
    throw new RestProblem(
      cause.limit === "depth" ? "INVALID_REQUEST" : "MESSAGE_TOO_COMPLEX",
      fieldSentence("", cause.message),
      {
        metadata: { limit: cause.limit, [`${cause.limit}Max`]: String(cause.limitValue) },
        cause,
      },
    );
  }
}

/** Throws a {@link RestProblem} (415) if the body has a content coding, for example compression (RFC 9110, sections 8.4 and 15.5.16). */
export function refuseCodings(contentEncoding: string | undefined): void {
  const codings = (contentEncoding ?? "").split(",").map((coding) => coding.trim().toLowerCase());
  const other = codings.find((coding) => coding !== "" && coding !== "identity");
  if (other !== undefined) {
    throw new RestProblem(
      "UNSUPPORTED_MEDIA_TYPE",
      `The body must not be compressed; the request has content-encoding ${quoted(other)}. Leave the header out.`,
      { httpStatus: 415, headers: { "accept-encoding": "identity" } },
    );
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** `application/json`, or a type with the suffix `+json` (RFC 6839). */
const jsonPattern = /^application\/(?:[a-z0-9.+_-]+\+)?json$/;

function refuseOtherMedia(contentType: string | undefined): void {
  const type = contentType === undefined ? undefined : parseMediaType(contentType);
  // JSON is UTF-8 (RFC 8259, section 8.1). Parameters other than charset are ignored.
  if (type === undefined || !jsonPattern.test(type.type) || !isUtf8(type.parameters.get("charset"))) {
    const given = contentType === undefined ? "it has none" : `it is ${quoted(contentType)}`;
    throw new RestProblem("UNSUPPORTED_MEDIA_TYPE", `The content-type must be application/json, in UTF-8; ${given}.`, {
      httpStatus: 415,
      headers: { "accept-post": "application/json" },
    });
  }
}

function isUtf8(charset: string | undefined): boolean {
  return charset === undefined || /^utf-?8$/i.test(charset);
}

function tooLarge(lengthMax: number): RestProblem {
  return new RestProblem(
    "MESSAGE_TOO_LARGE",
    `The body is longer than the limit of ${lengthMax} bytes. Send less at once.`,
    {
      code: Code.ResourceExhausted,
      httpStatus: 413,
      metadata: { limitBytes: String(lengthMax) },
      // The rest of the body is not read, so the connection cannot be reused.
      headers: { connection: "close" },
    },
  );
}

function concatenated(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
