import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isJsonObject } from "@parley/contract";

/** The path of a value in a request: field names and list indices. */
export type JsonPath = readonly (string | number)[];

export function valueAt(value: JsonValue | undefined, path: JsonPath): JsonValue | undefined {
  let found: JsonValue | undefined = value;
  for (const step of path) {
    found = (found as Record<string | number, JsonValue> | undefined)?.[step];
  }
  return found;
}

/** A copy with a new value at a path. Undefined removes the value. Missing parents are created. */
export function withValue(value: JsonValue | undefined, path: JsonPath, next: JsonValue | undefined): JsonValue {
  const [step, ...rest] = path;
  if (step === undefined) {
    return next ?? {};
  }
  if (typeof step === "number") {
    const list = Array.isArray(value) ? [...value] : [];
    if (next === undefined && rest.length === 0) {
      list.splice(step, 1);
    } else {
      list[step] = rest.length === 0 ? (next as JsonValue) : withValue(list[step], rest, next);
    }
    return list;
  }
  const object: JsonObject = { ...(isJsonObject(value) ? value : {}) };
  if (next === undefined && rest.length === 0) {
    delete object[step];
  } else {
    object[step] = rest.length === 0 ? (next as JsonValue) : withValue(object[step], rest, next);
  }
  return object;
}
