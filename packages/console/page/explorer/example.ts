import { type DescField, type DescMessage, type JsonObject, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { isRequired, rulesOf } from "@parley/contract";
import { newId } from "../session/api.ts";

/** Values that match the sample data, keyed by field name. */
const known: Readonly<Record<string, JsonValue>> = {
  user_id: "1",
  product_id: "101",
  name: "Sample",
  email: "someone@example.com",
  recipient: "someone@example.com",
  password: "a-long-password",
  message: "hello",
  quantity: 1,
};

/** An initial request with the fields that the contract requires. */
export function exampleOf(message: DescMessage, depth = 0): JsonObject {
  const example: JsonObject = {};
  for (const field of message.fields) {
    if (field.name === "request_id") {
      example[field.jsonName] = newId();
    } else if (isRequired(rulesOf(field)) && depth < 4) {
      example[field.jsonName] = valueFor(field, depth);
    }
  }
  return example;
}

function valueFor(field: DescField, depth: number): JsonValue {
  const named = known[field.name];
  switch (field.fieldKind) {
    case "list":
      return [field.listKind === "message" ? exampleOf(field.message, depth + 1) : (named ?? "")];
    case "map":
      return {};
    case "message":
      return emptyText(field.message) ?? exampleOf(field.message, depth + 1);
    case "enum":
      return field.enum.values[1]?.name ?? field.enum.values[0]?.name ?? 0;
    default:
      return named ?? (field.scalar === ScalarType.STRING ? "" : field.scalar === ScalarType.BOOL ? false : 1);
  }
}

/** The initial value of a message type that ProtoJSON writes as a string. Undefined for other types. */
export function emptyText({ typeName }: DescMessage): JsonValue | undefined {
  return texts[typeName];
}

const texts: Readonly<Record<string, string>> = {
  "google.protobuf.Timestamp": "2026-01-01T00:00:00Z",
  "google.protobuf.Duration": "1s",
  "google.protobuf.FieldMask": "",
};
