import { type DescField, type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { http } from "@parley/gen/google/api/annotations_pb.js";
import type { HttpRule } from "@parley/gen/google/api/http_pb.js";
import { type FieldPath, findField, isTextField, protoPath, resolveFieldPath } from "./field-path.ts";
import { type PathTemplate, parsePathTemplate, type TemplateVariable } from "./path-template.ts";

/** One way of calling a method over HTTP, from a rule of `google.api.http`. */
export interface Binding {
  readonly method: DescMethod;
  /** `GET`, `POST`, …, the kind of a custom pattern, or `*` for every method. */
  readonly httpMethod: string;
  readonly template: PathTemplate;
  readonly pathFields: readonly PathField[];
  /** The content of the HTTP body: nothing, all fields that the path does not bind, or one field. */
  readonly body: "none" | "all" | DescField;
  /** The field of the response that becomes the HTTP body. Undefined: the whole response. */
  readonly responseBody: DescField | undefined;
}

/** A variable of the path and the field that it fills. */
export interface PathField {
  readonly variable: TemplateVariable;
  readonly fields: FieldPath;
  /** With proto names, for example `product.id`. */
  readonly name: string;
}

/** An invalid rule of `google.api.http`. */
export class HttpRuleError extends Error {
  override readonly name = "HttpRuleError";
}

/**
 * The bindings of a method, the main one first; none if it has no `google.api.http` option. Throws
 * {@link HttpRuleError} or `PathTemplateError` for a rule that violates google/api/http.proto.
 */
export function methodBindings(method: DescMethod): readonly Binding[] {
  if (!hasOption(method, http)) {
    return [];
  }
  if (method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming") {
    throw new HttpRuleError(`${method}: client streaming is not supported over REST`);
  }
  const rule = getOption(method, http);
  return [readRule(method, rule), ...rule.additionalBindings.map((more) => readAdditionalRule(method, more))];
}

function readAdditionalRule(method: DescMethod, rule: HttpRule): Binding {
  if (rule.additionalBindings.length > 0) {
    throw new HttpRuleError(`${method}: additional_bindings must not be nested`);
  }
  return readRule(method, rule);
}

function readRule(method: DescMethod, rule: HttpRule): Binding {
  const { httpMethod, path } = readPattern(method, rule);
  const template = parsePathTemplate(path);
  const pathFields = template.variables.map((variable) => readPathField(method, variable));
  const body = readBody(method, rule.body);
  if (typeof body === "object") {
    const inside = pathFields.find(({ fields }) => fields.length === 1 && fields[0] === body);
    if (inside !== undefined) {
      throw new HttpRuleError(`${method}: the field ${inside.name} is bound by the path and by the body`);
    }
  }
  const responseBody =
    rule.responseBody === "" ? undefined : topLevelField(method, "response_body", rule.responseBody, "output");
  return { method, httpMethod, template, pathFields, body, responseBody };
}

function readPattern(method: DescMethod, rule: HttpRule): { httpMethod: string; path: string } {
  const { case: kind, value } = rule.pattern;
  if (kind === undefined) {
    throw new HttpRuleError(`${method}: the http rule has no pattern`);
  }
  if (kind !== "custom") {
    return { httpMethod: kind.toUpperCase(), path: value };
  }
  // RFC 9110, section 9.1: a method is a token, and case-sensitive; "*" matches every method.
  if (!/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(value.kind)) {
    throw new HttpRuleError(`${method}: "${value.kind}" is not an HTTP method`);
  }
  return { httpMethod: value.kind, path: value.path };
}

function readPathField(method: DescMethod, variable: TemplateVariable): PathField {
  const path = variable.fieldPath.join(".");
  const fields = resolveFieldPath(method.input, variable.fieldPath);
  if ("missing" in fields) {
    throw new HttpRuleError(`${method}: the path binds ${path}, but there is no field ${fields.missing}`);
  }
  const bound = fields.at(-1);
  if (bound === undefined || bound.fieldKind === "list" || !isTextField(bound)) {
    throw new HttpRuleError(`${method}: the path binds ${path}, which is repeated, a map or a message`);
  }
  return { variable, fields, name: protoPath(fields) };
}

function readBody(method: DescMethod, body: string): Binding["body"] {
  if (body === "") {
    return "none";
  }
  return body === "*" ? "all" : topLevelField(method, "body", body, "input");
}

function topLevelField(method: DescMethod, option: string, name: string, side: "input" | "output"): DescField {
  const field = findField(method[side], name);
  if (field === undefined) {
    throw new HttpRuleError(`${method}: ${option} names ${name}, but ${method[side].typeName} has no such field`);
  }
  return field;
}
