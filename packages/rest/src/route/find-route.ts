import { Code } from "@connectrpc/connect";
import type { RestRequest, RestResponse } from "../http.ts";
import { quoted, RestProblem } from "../problem.ts";
import { nearestPath } from "./nearest-path.ts";
import type { RouteMatch, RouteTable } from "./route-table.ts";

/** HEAD uses the route of GET if it has none of its own (RFC 9110, section 9.3.2). */
export function matched<T>(table: RouteTable<T>, httpMethod: string, path: string): RouteMatch<T> {
  const match = table.match(httpMethod, path);
  return match.kind === "wrong-method" && httpMethod === "HEAD" ? table.match("GET", path) : match;
}

/** The route of a request, or the response to OPTIONS. Throws a {@link RestProblem}: 404 with a suggestion, or 405 with `Allow`. */
export function findRoute<T>(
  table: RouteTable<T>,
  { method: httpMethod, origin = "" }: RestRequest,
  path: string,
): { readonly value: T; readonly segments: readonly string[] } | RestResponse {
  const match = matched(table, httpMethod, path);
  switch (match.kind) {
    case "found":
      return { value: match.value, segments: match.segments };
    case "none":
      throw new RestProblem(
        "ROUTE_NOT_FOUND",
        `No route matches ${quoted(path)}.${nearestPath(table.templates, path)}`,
        { code: Code.NotFound },
      );
    case "wrong-method": {
      const allow = [...match.allow, ...(match.allow.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ");
      if (httpMethod === "OPTIONS") {
        return { status: 204, headers: { allow }, body: "" };
      }
      throw new RestProblem(
        "METHOD_NOT_ALLOWED",
        `${quoted(path)} does not allow ${httpMethod.slice(0, methodCharsMax)}. Use ${listed(match.allow)} ${origin}${path}.`,
        {
          code: Code.Unimplemented,
          httpStatus: 405,
          headers: { allow },
        },
      );
    }
  }
}

/** Longer HTTP methods are truncated in messages. */
const methodCharsMax = 20;

function listed(words: readonly string[]): string {
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} or ${words.at(-1)}` : (words[0] ?? "");
}
