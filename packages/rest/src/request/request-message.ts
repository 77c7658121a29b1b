import {
  type DescField,
  type DescOneof,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
  type Registry,
} from "@bufbuild/protobuf";
import { isFieldError } from "@bufbuild/protobuf/reflect";
import {
  type Binding,
  checkJson,
  DecodeLimitError,
  elementForm,
  fieldSentence,
  findJsonMistake,
  formOf,
  isJsonObject,
  type JsonMistake,
  JsonNumberError,
  jsonFieldPath,
  type PathField,
} from "@parley/contract";
import { quoted, RestProblem } from "../problem.ts";
import { capturedValue } from "../route/captured-value.ts";
import { mistake, refuseUnreadable, refuseUnreadableValue } from "./body-fields.ts";
import { assign, valueAt } from "./json-tree.ts";
import { assignQuery } from "./query.ts";
import { jsonFromText, TextValueError } from "./text-value.ts";
import { completeUpdateMask } from "./update-mask.ts";

/** The parts of an HTTP request that form a message. */
export interface RequestParts {
  /** The path's segments as the route table returned them. */
  readonly segments: readonly string[];
  /** The query, without its question mark. */
  readonly query: string;
  /** The body as JSON, undefined if it is empty. */
  readonly body: JsonValue | undefined;
  /** Types that an `Any` may contain. */
  readonly registry?: Registry | undefined;
}

/**
 * The request message. Each field comes from the path, the query or the body ("Rules for HTTP mapping" in google/api/http.proto). A PATCH without
 * an update mask gets one that names the fields of its body. Throws a {@link RestProblem} that names the field, and for an unknown field suggests
 * the nearest name.
 */
export function requestMessage(binding: Binding, parts: RequestParts): Message {
  const root = bodyRoot(binding, parts.body);
  for (const pathField of binding.pathFields) {
    assignPathField(binding, pathField, parts.segments, root);
  }
  assignQuery(binding, parts.query, root);
  completeUpdateMask(binding, root);
  try {
    checkJson(binding.method.input, root);
    return fromJson(binding.method.input, root, parts.registry === undefined ? {} : { registry: parts.registry });
  } catch (cause) {
    throw invalidField(cause, binding, parts.body);
  }
}

function bodyRoot(binding: Binding, body: JsonValue | undefined): JsonObject {
  if (binding.body === "none") {
    if (body !== undefined) {
      throw new RestProblem(
        "INVALID_REQUEST",
        `${binding.httpMethod} ${binding.template.source} takes no body. Give fields in the query instead.`,
      );
    }
    return {};
  }
  if (body === undefined) {
    return {};
  }
  if (binding.body !== "all") {
    if (binding.body.fieldKind === "message" && isJsonObject(body)) {
      refuseUnreadableValue(binding.body, body, "");
    } else {
      refuseUnreadableValue(binding.body, body, binding.body.jsonName);
    }
    return { [binding.body.jsonName]: body };
  }
  if (!isJsonObject(body)) {
    throw mistake(
      findJsonMistake(binding.method.input, body) ?? { path: "", description: "the request must be a JSON object" },
    );
  }
  refuseUnreadable(binding.method.input, body);
  return body;
}

function assignPathField(binding: Binding, pathField: PathField, segments: readonly string[], root: JsonObject): void {
  const { variable, fields, name } = pathField;
  const field = fields[fields.length - 1] as DescField;
  const toTheEnd = binding.template.segments[variable.end - 1]?.kind === "rest";
  const text = pathText(pathField, segments, toTheEnd);
  let value: JsonValue;
  try {
    value = jsonFromText(field, text);
  } catch (cause) {
    if (!(cause instanceof TextValueError)) {
      throw cause;
    }
    const description = `${elementForm(field)}; the path has ${quoted(text)}`;
    throw new RestProblem("INVALID_FIELD", fieldSentence(name, description), { field: name, description, cause });
  }
  refuseContradiction(name, value, valueAt(root, fields));
  assign(root, fields, value, false);
}

function pathText(pathField: PathField, segments: readonly string[], toTheEnd: boolean): string {
  try {
    return capturedValue(pathField.variable, segments, toTheEnd);
  } catch (cause) {
    throw new RestProblem("MALFORMED_PATH", `\`${pathField.name}\` in the path is not percent-encoded UTF-8.`, {
      field: pathField.name,
      cause,
    });
  }
}

/** A body may repeat a value of the path, as a resource that is read and sent back does, but not contradict it. */
function refuseContradiction(name: string, inPath: JsonValue, inBody: JsonValue | undefined): void {
  const unset = inBody === undefined || inBody === null || inBody === "" || inBody === 0 || inBody === false;
  if (!unset && String(inBody) !== String(inPath)) {
    const shown = quoted(typeof inBody === "object" ? JSON.stringify(inBody) : String(inBody));
    throw new RestProblem(
      "INVALID_FIELD",
      `\`${name}\` is ${quoted(String(inPath))} in the path, but ${shown} in the body. Leave it out of the body.`,
      {
        field: name,
      },
    );
  }
}

/** The first value of a body that does not have its field's type. */
function bodyMistake({ body, method }: Binding, json: JsonValue | undefined): JsonMistake | undefined {
  if (json === undefined || json === null || body === "none") {
    return undefined;
  }
  if (body === "all") {
    return findJsonMistake(method.input, json);
  }
  return body.fieldKind === "message" ? findJsonMistake(body.message, json) : undefined;
}

function invalidField(cause: unknown, binding: Binding, body: JsonValue | undefined): RestProblem {
  const request = binding.method.input;
  const inBody = cause instanceof DecodeLimitError ? undefined : bodyMistake(binding, body);
  if (inBody !== undefined) {
    return mistake(inBody, cause);
  }
  if (cause instanceof DecodeLimitError || cause instanceof JsonNumberError) {
    const path = jsonFieldPath(request, cause.field) ?? cause.field;
    return mistake({ path, description: cause.message }, cause);
  }
  // The decoder's message refers to the merged JSON, which includes the values of path and query.
  const found = blamedField(cause);
  if (found?.kind === "oneof") {
    const names = found.fields.map(({ jsonName }) => jsonName);
    const words = `set only one of ${names.map((each) => `\`${each}\``).join(", ")}`;
    return mistake({ path: "", field: names.at(-1) ?? "", description: words }, cause);
  }
  return mistake(
    found === undefined
      ? { path: "", description: `the request does not match the message ${request.typeName}` }
      : { path: found.jsonName, description: formOf(found) },
    cause,
  );
}

function blamedField(error: unknown): DescField | DescOneof | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (isFieldError(cause)) {
      return cause.field();
    }
  }
  return undefined;
}
