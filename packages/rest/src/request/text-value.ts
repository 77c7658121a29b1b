import type { DescEnum } from "@bufbuild/protobuf";
import { type DescField, type DescMessage, fromJson, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { nearestName } from "@parley/contract";

/** A text that is not a valid value of its field. The message continues after "…is ". */
export class TextValueError extends Error {
  override readonly name = "TextValueError";
}

/**
 * Converts text from a path or a query to protobuf JSON, for a field of its type (an item, for a repeated field). Throws {@link TextValueError} if
 * it is not a valid value.
 */
export function jsonFromText(field: DescField, text: string): JsonValue {
  switch (field.fieldKind) {
    case "scalar":
      return scalarFromText(field.scalar, text);
    case "enum":
      return enumFromText(field.enum, text);
    case "message":
      return messageFromText(field.message, text);
    case "list":
      switch (field.listKind) {
        case "scalar":
          return scalarFromText(field.scalar, text);
        case "enum":
          return enumFromText(field.enum, text);
        case "message":
          return messageFromText(field.message, text);
      }
      break;
    case "map":
  }
  throw new TextValueError("a map, which cannot be a parameter");
}

function scalarFromText(type: ScalarType, text: string): JsonValue {
  switch (type) {
    case ScalarType.STRING:
      return text;
    case ScalarType.BOOL:
      return boolFromText(text);
    case ScalarType.BYTES:
      return bytesFromText(text);
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return floatFromText(text);
    default:
      return integerFromText(type, text);
  }
}

function boolFromText(text: string): boolean {
  if (text !== "true" && text !== "false") {
    throw new TextValueError("neither true nor false");
  }
  return text === "true";
}

/** Accepts both alphabets, with or without padding (ProtoJSON: "Either standard or URL-safe base64 encoding … are accepted"). */
function bytesFromText(text: string): string {
  const core = text.replace(/={1,2}$/, "");
  const padded = core.length !== text.length;
  if (!/^[A-Za-z0-9+/_-]*$/.test(core) || core.length % 4 === 1 || (padded && text.length % 4 !== 0)) {
    throw new TextValueError("not base64");
  }
  return core.replaceAll("-", "+").replaceAll("_", "/");
}

function floatFromText(text: string): JsonValue {
  if (text === "NaN" || text === "Infinity" || text === "-Infinity") {
    return text;
  }
  if (!/^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) {
    throw new TextValueError("not a number");
  }
  return Number(text);
}

/** The minimum and the maximum by type. */
const integerRanges: ReadonlyMap<ScalarType, readonly [bigint, bigint, string]> = new Map([
  ...[ScalarType.INT32, ScalarType.SINT32, ScalarType.SFIXED32].map((type) =>
    entry(type, -(2n ** 31n), 2n ** 31n - 1n),
  ),
  ...[ScalarType.UINT32, ScalarType.FIXED32].map((type) => entry(type, 0n, 2n ** 32n - 1n)),
  ...[ScalarType.INT64, ScalarType.SINT64, ScalarType.SFIXED64].map((type) =>
    entry(type, -(2n ** 63n), 2n ** 63n - 1n),
  ),
  ...[ScalarType.UINT64, ScalarType.FIXED64].map((type) => entry(type, 0n, 2n ** 64n - 1n)),
]);

function entry(type: ScalarType, min: bigint, max: bigint): [ScalarType, readonly [bigint, bigint, string]] {
  return [type, [min, max, `not a whole number from ${min} to ${max}`]];
}

/** Longer than any 64-bit integer: not worth converting to a bigint. */
const integerLengthMax = 21;

function integerFromText(type: ScalarType, text: string): JsonValue {
  const [min, max, problem] = integerRanges.get(type) ?? [0n, 0n, "of an unknown type"];
  if (!/^-?\d+$/.test(text) || text.length > integerLengthMax) {
    throw new TextValueError(problem);
  }
  const value = BigInt(text);
  if (value < min || value > max) {
    throw new TextValueError(problem);
  }
  return value.toString();
}

function enumFromText(descriptor: DescEnum, text: string): JsonValue {
  if (descriptor.values.some((value) => value.name === text)) {
    return text;
  }
  if (/^-?\d{1,10}$/.test(text)) {
    const number = Number(text);
    // An open enum (proto3) keeps unknown numbers. Validation may refuse them.
    if (
      descriptor.open ? number >= -(2 ** 31) && number < 2 ** 31 : descriptor.values.some((v) => v.number === number)
    ) {
      return number;
    }
  }
  const words = descriptor.values.map((value) => value.name);
  const nearest = nearestName(text, words);
  const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  throw new TextValueError(`none of ${words.join(", ")}${hint}`);
}

function messageFromText(message: DescMessage, text: string): JsonValue {
  const [valueField] = message.fields;
  if (isWrapperDesc(message) && valueField !== undefined) {
    return jsonFromText(valueField, text);
  }
  // ProtoJSON uses lowerCamelCase for a mask's paths. A URL may also use the contract's names.
  const json = message.typeName === "google.protobuf.FieldMask" ? camelCase(text) : text;
  try {
    fromJson(message, json);
    return json;
  } catch (cause) {
    throw Object.assign(new TextValueError(`not a ${message.typeName} in JSON's form`), { cause });
  }
}

/** A path of a field mask in ProtoJSON. */
export function camelCase(text: string): string {
  return text.replaceAll(/_([a-z0-9])/g, (_match, char: string) => char.toUpperCase());
}
