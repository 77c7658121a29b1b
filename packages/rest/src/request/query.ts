import type { DescField, DescMessage, JsonObject } from "@bufbuild/protobuf";
import type { Binding } from "@parley/contract";
import { elementForm, fieldSentence, isTextField, nearestName, protoPath, resolveFieldPath } from "@parley/contract";
import { quoted, RestProblem } from "../problem.ts";
import { assign } from "./json-tree.ts";
import { jsonFromText, TextValueError } from "./text-value.ts";

/** More than a request with a full page of ids needs. Each parameter costs a look-up. */
export const queryParametersMax = 256;

/** The maximum nesting of a parameter, to bound the look-up. */
export const parameterDepthMax = 16;

/**
 * Converts query parameters to fields of the request's JSON. A parameter's name is a field path; repeated fields repeat it. Throws a {@link
 * RestProblem} that names the parameter if there is no such field, if the path or the body binds it, if it is repeated, or if its value does not
 * have the field's type.
 */
export function assignQuery(binding: Binding, query: string, root: JsonObject): void {
  if (query === "") {
    return;
  }
  const pairs = query.split("&");
  if (pairs.length > queryParametersMax) {
    throw new RestProblem("MALFORMED_QUERY", `The query has more than ${queryParametersMax} parameters.`);
  }
  const seen = new Set<string>();
  for (const pair of pairs) {
    if (pair === "") {
      continue;
    }
    const separator = pair.indexOf("=");
    const name = decode(separator < 0 ? pair : pair.slice(0, separator));
    const text = separator < 0 ? "" : decode(pair.slice(separator + 1));
    assignParameter({ binding, name, text, root, seen });
  }
}

interface Parameter {
  readonly binding: Binding;
  readonly name: string;
  readonly text: string;
  readonly root: JsonObject;
  readonly seen: Set<string>;
}

function assignParameter({ binding, name, text, root, seen }: Parameter): void {
  const fields = parameterFields(binding.method.input, name);
  const path = protoPath(fields);
  const field = fields[fields.length - 1] as DescField;
  refuseBound(binding, name, path, fields);
  const repeated = field.fieldKind === "list";
  if (!repeated && seen.has(path)) {
    throw new RestProblem("INVALID_PARAMETER", `The parameter \`${name}\` is given twice.`, { field: name });
  }
  seen.add(path);
  try {
    assign(root, fields, jsonFromText(field, text), repeated);
  } catch (cause) {
    if (!(cause instanceof TextValueError)) {
      throw cause;
    }
    const description =
      field.enum === undefined
        ? `${elementForm(field)}; it is ${quoted(text)}`
        : `must be ${cause.message.replace(/^none/, "one").replace(/(?=; did|$)/, `; it is ${quoted(text)}`)}`;
    const words = fieldSentence(name, description);
    throw new RestProblem("INVALID_PARAMETER", words, { field: name, description, cause });
  }
}

const resolved = new WeakMap<DescMessage, Map<string, readonly DescField[]>>();

/** The cache size for resolved names of a message: a caller can invent any number of names. */
const resolvedNamesMax = 256;

function parameterFields(message: DescMessage, name: string): readonly DescField[] {
  let byName = resolved.get(message);
  if (byName === undefined) {
    byName = new Map();
    resolved.set(message, byName);
  }
  let fields = byName.get(name);
  if (fields === undefined) {
    fields = resolveParameter(message, name);
    if (byName.size < resolvedNamesMax) {
      byName.set(name, fields);
    }
  }
  return fields;
}

function resolveParameter(message: DescMessage, name: string): readonly DescField[] {
  const names = name.split(".", parameterDepthMax + 1);
  const fields = names.length > parameterDepthMax ? undefined : resolveFieldPath(message, names);
  if (fields === undefined || "missing" in fields) {
    throw unknownParameter(name, nearestHint(message, name));
  }
  const last = fields[fields.length - 1] as DescField;
  if (!isTextField(last)) {
    throw unknownParameter(name, "it is an object, which cannot be a parameter");
  }
  return fields;
}

function refuseBound(binding: Binding, name: string, path: string, fields: readonly DescField[]): void {
  if (binding.body === "all") {
    throw unknownParameter(name, "the fields of this request are in the path and the body");
  }
  if (fields[0] === binding.body) {
    throw unknownParameter(name, "it is in the body");
  }
  if (binding.pathFields.some((bound) => bound.name === path)) {
    throw unknownParameter(name, "it is in the path");
  }
}

function nearestHint(message: DescMessage, name: string): string {
  const known = message.fields.filter(isTextField).map((field) => field.name);
  const nearest = nearestName(name, known);
  return nearest === undefined
    ? known.length === 0
      ? "it has none"
      : `its parameters are ${known.join(", ")}`
    : `did you mean ${nearest}?`;
}

function unknownParameter(name: string, why: string): RestProblem {
  const shown = quoted(name);
  return new RestProblem(
    "UNKNOWN_PARAMETER",
    fieldSentence(shown.slice(1, -1), `is not a parameter of this request: ${why}`),
    {
      field: shown.slice(1, -1),
    },
  );
}

function decode(text: string): string {
  if (!text.includes("%") && !text.includes("+")) {
    return text;
  }
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch (cause) {
    throw new RestProblem("MALFORMED_QUERY", `The query is not percent-encoded UTF-8 at ${quoted(text)}.`, { cause });
  }
}
