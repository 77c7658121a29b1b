import type { DescField, JsonValue } from "@bufbuild/protobuf";
import type { Binding } from "@parley/contract";
import { headerOf, type RestRequest } from "../http.ts";
import { httpBodyJson, isHttpBody } from "../http-body.ts";
import { readAmounts } from "./amounts.ts";
import { parseBody, readBody, refuseCodings } from "./body.ts";

export interface RequestBodyOptions {
  readonly bytesMax: number;
  /** The currency of a number that represents an amount of money. Undefined: such a number is unchanged, and refused later. */
  readonly defaultCurrency: string | undefined;
}

/** Reads a request's body as JSON. Undefined if the binding and the request have no body. Throws RestProblem if it cannot be parsed. */
export async function requestBody(
  binding: Binding,
  request: RestRequest,
  { bytesMax, defaultCurrency: currency }: RequestBodyOptions,
): Promise<JsonValue | undefined> {
  if (binding.body === "none" && !announcesBody(request)) {
    return undefined;
  }
  refuseCodings(headerOf(request, "content-encoding"));
  const bytes = await readBody(request.body, bytesMax);
  const contentType = headerOf(request, "content-type");
  if (isHttpBody(binding.body === "all" ? binding.method.input : fieldOf(binding.body))) {
    return httpBodyJson(bytes, contentType);
  }
  const json = parseBody(bytes, contentType);
  return currency === undefined ? json : readAmounts(binding, json, { text: () => decoder.decode(bytes), currency });
}

const decoder = new TextDecoder();

function fieldOf(body: Binding["body"]): DescField | undefined {
  return typeof body === "object" ? body : undefined;
}

/** Without other information either header indicates a body (RFC 9112, section 6.3). HTTP/2 requires neither. */
function announcesBody(request: RestRequest): boolean {
  if (request.hasBody !== undefined) {
    return request.hasBody;
  }
  const length = headerOf(request, "content-length");
  return request.headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}
