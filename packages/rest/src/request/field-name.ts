import { type Binding, jsonFieldPath } from "@parley/contract";

/**
 * A field's path, in JSON's spelling, as the caller of a binding gave it: by the name of the query's parameter, or without the field that is the body.
 * Undefined for what stays as it is.
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

/** More parameters than a request has. */
const parametersMax = 100;

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}
