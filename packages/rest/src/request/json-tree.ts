import type { DescField, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isJsonObject } from "@parley/contract";

/**
 * Sets the value at a field's path in JSON, and creates intermediate objects; `append` adds to a list. If the body has such an object under its
 * proto name, that object is used.
 */
export function assign(root: JsonObject, fields: readonly DescField[], value: JsonValue, append: boolean): void {
  let object = root;
  for (const field of fields.slice(0, -1)) {
    object = childObject(object, field);
  }
  const last = fields[fields.length - 1] as DescField;
  const key = keyOf(object, last);
  const present = object[key];
  if (append && Array.isArray(present)) {
    present.push(value);
  } else {
    object[key] = append ? [value] : value;
  }
}

/** The value at a field's path. Undefined if there is none. */
export function valueAt(root: JsonObject, fields: readonly DescField[]): JsonValue | undefined {
  let value: JsonValue | undefined = root;
  for (const field of fields) {
    if (!isJsonObject(value)) {
      return undefined;
    }
    value = value[keyOf(value, field)];
  }
  return value;
}

function childObject(parent: JsonObject, field: DescField): JsonObject {
  const key = keyOf(parent, field);
  const present = parent[key];
  if (isJsonObject(present)) {
    return present;
  }
  const made: JsonObject = {};
  parent[key] = made;
  return made;
}

function keyOf(object: JsonObject, field: DescField): string {
  return Object.hasOwn(object, field.name) && !Object.hasOwn(object, field.jsonName) ? field.name : field.jsonName;
}
