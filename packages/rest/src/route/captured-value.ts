import type { TemplateVariable } from "@parley/contract";

/**
 * A variable's value, from the undecoded path segments. A single-segment variable is fully decoded. A multi-segment variable keeps "%2F" and "%2f"
 * (google/api/http.proto, "Path template syntax"). Throws a `URIError` if the path is not percent-encoded UTF-8.
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
