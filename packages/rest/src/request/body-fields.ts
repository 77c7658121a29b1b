import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { findField, nearestName, unknownWord } from "@parley/contract";
import { quoted, RestProblem } from "../problem.ts";
import { isObject } from "./json-tree.ts";

/**
 * Refuses what ProtoJSON's reader would pass over in silence: fields that the message does not have, a field under both of its
 * names, words that its enum does not have, integers in other notations, text that is not Unicode. `path` is where the message
 * stands in the body, for example `items[0]`. Throws a {@link RestProblem} that names the field as the caller wrote it.
 */
export function refuseUnreadable(message: DescMessage, json: JsonObject, path = ""): void {
  const seen = new Map<DescField, string>();
  for (const [name, value] of Object.entries(json)) {
    const at = path === "" ? name : `${path}.${name}`;
    const field = findField(message, name) ?? refuseUnknown(message, name, at);
    const other = seen.get(field);
    if (other !== undefined) {
      throw invalid(at, `the body has ${quoted(at)} under two names, ${other} and ${name}`);
    }
    seen.set(field, name);
    refuseUnreadableValue(field, value, at);
  }
}

/** As {@link refuseUnreadable}, for the value of one field. */
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
      if (isObject(value)) {
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

/** What the value of a field is made of, once lists and maps are taken apart. */
interface ValueType {
  readonly scalar?: ScalarType | undefined;
  readonly enum?: DescEnum | undefined;
  readonly message?: DescMessage | undefined;
}

function refuseUnreadableItem(type: ValueType, value: JsonValue, path: string): void {
  if (type.enum !== undefined) {
    refuseUnknownWord(type.enum, value, path);
  } else if (type.message !== undefined) {
    refuseUnreadableMessage(type.message, value, path);
  } else if (type.scalar === ScalarType.STRING) {
    refuseText(value, path);
  } else if (type.scalar !== undefined && integers.has(type.scalar)) {
    refuseNotation(value, path);
  }
}

function refuseUnreadableMessage(message: DescMessage, value: JsonValue, path: string): void {
  const [boxed] = message.fields;
  if (isWrapperDesc(message) && boxed !== undefined) {
    refuseUnreadableValue(boxed, value, path);
  } else if (!message.typeName.startsWith("google.protobuf.") && isObject(value)) {
    // The other well-known types have a form of their own in JSON, which their reader checks.
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
  throw new RestProblem("UNKNOWN_FIELD", `the body has an unknown field ${quoted(path)}: ${hint}`, {
    field: quoted(path).slice(1, -1),
    ...(nearest === undefined ? {} : { metadata: { nearest } }),
  });
}

function refuseUnknownWord(descriptor: DescEnum, value: JsonValue, path: string): void {
  const unknown = unknownWord(descriptor, value, path);
  if (unknown !== undefined) {
    throw invalid(path, unknown.message);
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

/** A number as JSON writes it, in quotes (ProtoJSON, int32 and int64). JavaScript would also read `0x10`, ` 5` and `+5`. */
const numberPattern = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function refuseNotation(value: JsonValue, path: string): void {
  if (typeof value === "string" && !numberPattern.test(value)) {
    throw invalid(path, `${path} is ${quoted(value)}, which is no whole number in decimal digits`);
  }
}

/** JSON can escape half of a surrogate pair (RFC 8259, section 8.2), which UTF-8 and so a message cannot hold. */
function refuseText(value: JsonValue, path: string): void {
  if (typeof value === "string" && !value.isWellFormed()) {
    throw invalid(path, `${path} has half of a surrogate pair in it, which is no Unicode text`);
  }
}

function invalid(path: string, message: string): RestProblem {
  return new RestProblem("INVALID_REQUEST", message, { field: path });
}
