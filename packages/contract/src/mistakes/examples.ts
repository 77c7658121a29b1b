import { type DescField, type DescMessage, type JsonObject, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { isRequired, rulesOf } from "../field-rules.ts";

/** An example of a field's value in JSON, lists included: `["101"]` for a list of ids. */
export function exampleOf(field: DescField, depth = 0): JsonValue {
  switch (field.fieldKind) {
    case "list":
      return [elementExample(field, depth)];
    case "map":
      return { key: elementExample(field, depth) };
    default:
      return elementExample(field, depth);
  }
}

/** An example of one value of a field. */
export function elementExample(field: DescField, depth = 0): JsonValue {
  if (field.enum !== undefined) {
    return field.enum.values[1]?.name ?? field.enum.values[0]?.name ?? 0;
  }
  if (field.message !== undefined) {
    return messageExample(field.message, depth);
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return textExample(field);
    case ScalarType.BOOL:
      return true;
    case ScalarType.BYTES:
      return "aGVsbG8=";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return 1.5;
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return "1";
    default:
      return 1;
  }
}

/** Messages that have a form of their own in JSON. */
const wellKnown: Readonly<Record<string, JsonValue>> = {
  "google.protobuf.Timestamp": "2026-11-28T09:00:00Z",
  "google.protobuf.Duration": "1.5s",
  "google.protobuf.FieldMask": "name,price",
  "google.type.Money": { currencyCode: "USD", units: "9", nanos: 990_000_000 },
};

/** Deeper examples would be hard to read. */
const depthMax = 2;
const fieldsMax = 3;

/** An example of a message in JSON: the fields that it must have, or else the first. */
export function messageExample(message: DescMessage, depth = 0): JsonValue {
  const known = wellKnown[message.typeName];
  if (known !== undefined) {
    return known;
  }
  const [boxed] = message.fields;
  if (isWrapperDesc(message) && boxed !== undefined) {
    return elementExample(boxed, depth);
  }
  const required = message.fields.filter((field) => isRequired(rulesOf(field)));
  const shown = depth >= depthMax ? [] : (required.length > 0 ? required : message.fields).slice(0, fieldsMax);
  const example: JsonObject = {};
  // A copied example must not repeat a request id.
  for (const field of shown.filter(({ name }) => name !== "request_id")) {
    example[field.jsonName] = exampleOf(field, depth + 1);
  }
  return example;
}

function textExample(field: DescField): string {
  const rules = rulesOf(field);
  const text = rules?.type.case === "string" ? rules.type.value : undefined;
  if (text?.wellKnown.case === "uuid") {
    return uuidExample;
  }
  if (text?.wellKnown.case === "email" || field.name.includes("email")) {
    return emailExample;
  }
  return text?.in[0] ?? (isId(field) ? "101" : "text");
}

/** Whether a field is a string id, whose form its service chooses. */
export function isId(field: DescField): boolean {
  const rules = rulesOf(field);
  const form = rules?.type.case === "string" ? rules.type.value.wellKnown.case : undefined;
  return field.scalar === ScalarType.STRING && form === undefined && /(?:^|_)ids?$/.test(field.name);
}

export const uuidExample = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
export const emailExample = "alice@example.com";
