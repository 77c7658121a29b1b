import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import {
  elementForm,
  fieldSentence,
  findField,
  isJsonObject,
  type JsonMistake,
  nearestName,
  unknownWord,
} from "@parley/contract";
import { quoted, RestProblem } from "../problem.ts";

/**
 * Refuses input that the ProtoJSON parser would ignore or reinterpret: unknown fields, a field under both of its names, unknown enum values,
 * integers in other notations, text that is not valid Unicode. `path` is the message's path in the body, for example `items[0]`. Throws a {@link
 * RestProblem} that names the field in the caller's spelling.
 */
export function refuseUnreadable(message: DescMessage, json: JsonObject, path = ""): void {
  const seen = new Map<DescField, string>();
  for (const [name, value] of Object.entries(json)) {
    const at = path === "" ? name : `${path}.${name}`;
    const field = findField(message, name) ?? refuseUnknown(message, name, at);
    const other = seen.get(field);
    if (other !== undefined) {
      throw mistake({ path: at, description: `is given twice, as \`${other}\` and as \`${name}\`` });
    }
    seen.set(field, name);
    refuseUnreadableValue(field, value, at);
  }
}

/** Like {@link refuseUnreadable}, for the value of one field. */
export function refuseUnreadableValue(field: DescField, value: JsonValue, path: string): void {
  if (value === null) {
    return;
  }
  switch (field.fieldKind) {
    case "list":
      if (Array.isArray(value)) {
        value.forEach((item, index) => {
          refuseUnreadableItem(field, item, `${path}[${index}]`);
        });
      }
      return;
    case "map":
      if (isJsonObject(value)) {
        for (const [key, item] of Object.entries(value)) {
          refuseText(key, path);
          refuseUnreadableItem(field, item, `${path}[${JSON.stringify(key)}]`);
        }
      }
      return;
    default:
      refuseUnreadableItem(field, value, path);
  }
}

function refuseUnreadableItem(type: DescField, value: JsonValue, path: string): void {
  if (type.enum !== undefined) {
    refuseUnknownWord(type.enum, value, path);
  } else if (type.message !== undefined) {
    refuseUnreadableMessage(type.message, value, path);
  } else if (type.scalar === ScalarType.STRING) {
    refuseText(value, path);
  } else if (type.scalar !== undefined && integers.has(type.scalar)) {
    refuseNotation(type, value, path);
  }
}

function refuseUnreadableMessage(message: DescMessage, value: JsonValue, path: string): void {
  const [boxed] = message.fields;
  if (isWrapperDesc(message) && boxed !== undefined) {
    refuseUnreadableValue(boxed, value, path);
  } else if (!message.typeName.startsWith("google.protobuf.") && isJsonObject(value)) {
    // The other well-known types have a special JSON form, which their parser checks.
    refuseUnreadable(message, value, path);
  }
}

function refuseUnknown(message: DescMessage, name: string, path: string): never {
  const known = message.fields.map((field) => field.jsonName);
  const nearest = nearestName(name, known);
  const hint =
    nearest !== undefined
      ? `did you mean ${nearest}?`
      : known.length === 0
        ? `${message.name} has no fields`
        : `the fields are ${known.join(", ")}`;
  const shown = path === "" ? '""' : quoted(path).slice(1, -1);
  throw new RestProblem("UNKNOWN_FIELD", fieldSentence(shown, `is not a field of the body; ${hint}`), {
    field: shown,
    ...(nearest === undefined ? {} : { metadata: { nearest } }),
  });
}

function refuseUnknownWord(descriptor: DescEnum, value: JsonValue, path: string): void {
  const unknown = unknownWord(descriptor, value, path);
  if (unknown !== undefined) {
    throw mistake(unknown);
  }
}

const integers: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT32,
  ScalarType.SINT32,
  ScalarType.SFIXED32,
  ScalarType.UINT32,
  ScalarType.FIXED32,
  ScalarType.INT64,
  ScalarType.SINT64,
  ScalarType.SFIXED64,
  ScalarType.UINT64,
  ScalarType.FIXED64,
]);

/** A number in JSON notation, as a quoted string (ProtoJSON, int32 and int64). JavaScript would also accept `0x10`, ` 5` and `+5`. */
const numberPattern = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function refuseNotation(field: DescField, value: JsonValue, path: string): void {
  if (typeof value === "string" && !numberPattern.test(value)) {
    throw mistake({ path, description: `${elementForm(field)}; it is ${quoted(value)}` });
  }
}

/** JSON can escape a lone surrogate (RFC 8259, section 8.2), which UTF-8, and therefore a message, cannot contain. */
function refuseText(value: JsonValue, path: string): void {
  if (typeof value === "string" && !value.isWellFormed()) {
    throw mistake({ path, description: "contains an unpaired surrogate, which is not valid Unicode" });
  }
}

/** The error for one field, by its path in the caller's spelling. */
export function mistake({ path, description, field = path }: JsonMistake, cause?: unknown): RestProblem {
  return new RestProblem("INVALID_REQUEST", fieldSentence(path, description), {
    cause,
    ...(field === "" ? {} : { field, description }),
  });
}
