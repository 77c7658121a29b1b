import type { TemplateVariable } from "@parley/contract";

/**
 * What a variable holds, given the path's segments as they came. A variable of one segment is decoded wholly; in one that
 * may hold several, "%2F" and "%2f" are left as they are (google/api/http.proto, "Path template syntax"). Throws a
 * `URIError` where the path is not percent-encoded UTF-8.
 */
export function capturedValue(variable: TemplateVariable, segments: readonly string[], toTheEnd: boolean): string {
  if (!variable.multi) {
    return decodeURIComponent(segments[variable.start] ?? "");
  }
  return segments
    .slice(variable.start, toTheEnd ? undefined : variable.end)
    .map(decodeAllButSlash)
    .join("/");
}

function decodeAllButSlash(segment: string): string {
  return segment.includes("%")
    ? segment
        .split(/(%2[Ff])/)
        .map(decodeUnlessSlash)
        .join("")
    : segment;
}

function decodeUnlessSlash(part: string): string {
  return part.toUpperCase() === "%2F" ? part : decodeURIComponent(part);
}
