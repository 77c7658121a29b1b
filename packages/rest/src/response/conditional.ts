import { Code } from "@connectrpc/connect";
import { parseEntityTags } from "../entity-tag.ts";
import { headerOf, type RestRequest, type RestResponse } from "../http.ts";
import { headerText, RestProblem } from "../problem.ts";

/**
 * The response to a GET with its entity tag: `tag`, or a weak one computed from the content. 304 without a body if `if-none-match` matches. Throws
 * a {@link RestProblem} with 412 if `if-match` does not match (RFC 9110, sections 13.1 and 13.2.2).
 */
export function conditional(request: RestRequest, response: RestResponse, tag: string | undefined): RestResponse {
  if (response.status !== 200 || typeof response.body !== "string") {
    return response;
  }
  const etag = tag ?? `W/"${fingerprint(response.body)}"`;
  refuseOtherState(headerOf(request, "if-match"), etag);
  const headers: Record<string, string> = { ...response.headers, etag };
  if (!hasAlready(headerOf(request, "if-none-match"), etag)) {
    return { ...response, headers };
  }
  const { "content-type": _type, ...rest } = headers;
  return { status: 304, headers: rest, body: "" };
}

/** Strong comparison: a weak tag matches nothing. */
function refuseOtherState(ifMatch: string | undefined, etag: string): void {
  if (ifMatch === undefined) {
    return;
  }
  const tags = parseEntityTags(ifMatch);
  if (tags?.any !== true && tags?.strong.some((tag) => `"${tag}"` === etag) !== true) {
    throw new RestProblem(
      "PRECONDITION_FAILED",
      `If-Match is ${headerText(ifMatch)}, but the ETag of the resource is ${etag}. Read it again.`,
      {
        code: Code.Aborted,
        httpStatus: 412,
      },
    );
  }
}

/** A longer list of tags is ignored: the client gets the full response, which is always correct. */
const ifNoneMatchLengthMax = 4096;

/** Weak comparison. */
function hasAlready(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined || ifNoneMatch.length > ifNoneMatchLengthMax) {
    return false;
  }
  const tags = parseEntityTags(ifNoneMatch);
  const content = etag.replace(/^W\//, "").slice(1, -1);
  return tags !== undefined && (tags.any || [...tags.strong, ...tags.weak].includes(content));
}

/** FNV-1a over UTF-16 code units in two lanes of 32 bits, and the length. It only needs to detect changes, not to resist attacks. */
function fingerprint(text: string): string {
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x85ebca6b) ^ (high >>> 13);
  }
  return `${text.length.toString(36)}-${(low >>> 0).toString(36)}${(high >>> 0).toString(36)}`;
}
