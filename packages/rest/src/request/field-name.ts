import { type Binding, jsonFieldPath } from "@parley/contract";

/**
 * A field's path in JSON spelling, as the caller of a binding wrote it: the query parameter's name, or the path without the body field. Undefined
 * if the path needs no change.
 */
export function restFieldName({ method, body }: Binding, query: string, path: string): string | undefined {
  for (const pair of query === "" ? [] : query.split("&", parametersMax)) {
    const name = decoded(pair.split("=", 1)[0] ?? "");
    if (name !== undefined && name !== path && jsonFieldPath(method.input, name) === path) {
      return name;
    }
  }
  const above = typeof body === "object" ? `${body.jsonName}.` : undefined;
  return above !== undefined && path.startsWith(above) ? path.slice(above.length) : undefined;
}

/** More than the parameters of any request. */
const parametersMax = 100;

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}
