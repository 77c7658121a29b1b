import type { DescField, DescMessage, JsonObject } from "@bufbuild/protobuf";
import { type Binding, fieldSentence, findField, isJsonObject, rulesOf } from "@parley/contract";
import { RestProblem } from "../problem.ts";
import { camelCase } from "./text-value.ts";

/** The field of an Update request with the update mask (https://google.aip.dev/134). */
const maskFieldName = "update_mask";

/** The field of a resource with its etag, which writers send back (https://google.aip.dev/154). */
const etagFieldName = "etag";

/** The update of a PATCH: the resource in its body, and the field with the update mask. */
export interface Patch {
  readonly resource: DescMessage;
  readonly mask: DescField;
  /** The fields of the resource that a PATCH can update. */
  readonly changeable: readonly DescField[];
  /** The fields that the path binds. */
  readonly bound: readonly DescField[];
}

/** The update of a binding. Undefined if it is not a PATCH of a resource with an update mask. */
export function patchOf(binding: Binding): Patch | undefined {
  const { body, httpMethod, method, pathFields } = binding;
  if (httpMethod !== "PATCH" || typeof body !== "object" || body.fieldKind !== "message") {
    return undefined;
  }
  const mask = findField(method.input, maskFieldName);
  if (mask?.fieldKind !== "message" || mask.message.typeName !== "google.protobuf.FieldMask") {
    return undefined;
  }
  const bound = pathFields.flatMap(({ fields }) => (fields[0] === body && fields[1] !== undefined ? [fields[1]] : []));
  const rules = rulesOf(mask);
  const named = rules?.type.case === "fieldMask" ? rules.type.value.in.map((path) => path.split(".")[0]) : [];
  const changeable = body.message.fields.filter(
    (field) =>
      !bound.includes(field) && (named.length === 0 ? field.name !== etagFieldName : named.includes(field.name)),
  );
  return { resource: body.message, mask, changeable, bound };
}

/**
 * Fills the request's update mask with the fields of the body, if the query has no mask: without a mask, a service could not distinguish a field
 * with its zero value from an absent one. A field that a PATCH cannot update is refused, unless the body has an etag: it is then a complete
 * resource that was read before, and its output-only fields are ignored (AIP-203).
 */
export function completeUpdateMask(binding: Binding, root: JsonObject): void {
  const patch = patchOf(binding);
  if (patch === undefined || typeof binding.body !== "object") {
    return;
  }
  const { mask, resource, changeable, bound } = patch;
  const body = root[binding.body.jsonName];
  if (!isJsonObject(body) || (root[mask.jsonName] ?? "") !== "") {
    return;
  }
  const given = Object.keys(body).flatMap((name) => findField(resource, name) ?? []);
  const whole = given.some(({ name }) => name === etagFieldName);
  const fixed = given.find(
    (field) => !changeable.includes(field) && !bound.includes(field) && field.name !== etagFieldName,
  );
  if (fixed !== undefined && !whole) {
    const names = changeable.map(({ jsonName }) => `\`${jsonName}\``).join(", ");
    const words = fieldSentence(fixed.jsonName, `cannot be changed by PATCH, which can change ${names}`);
    throw new RestProblem("INVALID_FIELD", words, { field: fixed.jsonName });
  }
  const paths = changeable.filter((field) => given.includes(field)).map(({ name }) => camelCase(name));
  if (paths.length > 0) {
    root[mask.jsonName] = paths.join(",");
  }
}
