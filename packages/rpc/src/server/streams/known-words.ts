import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { holdsEnum } from "@parley/contract";
import { refuseUnknownWords } from "../pipeline/validation/validation.ts";

/** The request that a body belongs to. */
export interface WordsRequest {
  readonly input: DescMessage;
  readonly header: Headers;
}

/**
 * The body of a unary request in JSON, whole, once no word in it is unknown to its enum; iterating it throws INVALID_ARGUMENT for one
 * that is. Connect's own reader passes over such words. Other bodies, compressed ones too, are handed on as they come.
 */
export function withKnownWords(
  body: AsyncIterable<Uint8Array>,
  { input, header }: WordsRequest,
): AsyncIterable<Uint8Array> {
  const isJson = /^application\/json\s*(?:;|$)/i.test(header.get("content-type") ?? "");
  const isCoded = (header.get("content-encoding") ?? "identity").toLowerCase() !== "identity";
  return isJson && !isCoded && holdsEnum(input) ? checked(body, input) : body;
}

async function* checked(body: AsyncIterable<Uint8Array>, input: DescMessage): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) {
    chunks.push(chunk);
  }
  const whole = Buffer.concat(chunks);
  const json = parsed(whole);
  if (json !== undefined) {
    refuseUnknownWords(input, json);
  }
  yield whole;
}

/** What is no JSON is left to Connect's reader to refuse. */
function parsed(bytes: Buffer): JsonValue | undefined {
  try {
    return JSON.parse(bytes.toString("utf8")) as JsonValue;
  } catch {
    return undefined;
  }
}
