import { headerOf, type RestRequest, type RestResponse } from "../http.ts";

/**
 * A successful answer to a GET with an entity tag over what it says, or 304 without a body where the client has the same
 * already (RFC 9110, sections 8.8.3 and 13.1.2). The tag is weak: proxies may compress the body.
 */
export function conditional(request: RestRequest, response: RestResponse): RestResponse {
  if (response.status !== 200 || typeof response.body !== "string") {
    return response;
  }
  const tag = `"${fingerprint(response.body)}"`;
  const headers: Record<string, string> = { ...response.headers, etag: `W/${tag}` };
  if (!matches(headerOf(request, "if-none-match"), tag)) {
    return { ...response, headers };
  }
  const { "content-type": _type, ...rest } = headers;
  return { status: 304, headers: rest, body: "" };
}

/** Longer lists of tags are not looked at: the client gets the whole answer, which is always right. */
const ifNoneMatchLengthMax = 4096;

function matches(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined || ifNoneMatch.length > ifNoneMatchLengthMax) {
    return false;
  }
  // Tags made here hold no comma, so that a comma always separates.
  return ifNoneMatch.split(",").some((part) => {
    const given = part.trim();
    return given === "*" || given === tag || given === `W/${tag}`;
  });
}

/** FNV-1a over UTF-16 units in two lanes of 32 bits, and the length: no secret depends on it, only that changes show. */
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
