import { type DescField, type DescMessage, type JsonObject, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { unknownWord } from "../enum-words.ts";
import { findField } from "../field-path.ts";
import { rulesOf } from "../field-rules.ts";
import { firstFound, isJsonObject } from "../json-values.ts";
import { elementExample, exampleOf, isId, messageExample } from "./examples.ts";
import { quoteShortly } from "./field-sentence.ts";

/** An invalid value in a request's JSON. */
export interface JsonMistake {
  /** The value's path in the caller's spelling, for example `items[0].quantity`. Empty for the request as a whole. */
  readonly path: string;
  /** The invalid field if the path is empty. */
  readonly field?: string;
  /** The expected form, an example of it, and the given value: the rest of a sentence that begins with the path. */
  readonly description: string;
}

/**
 * The first value in a message's JSON that is not of its field's type, with an example of the right form. Undefined if no such value is found. Called
 * only after decoding has failed, so that valid requests do not pay for it.
 */
export function findJsonMistake(message: DescMessage, json: JsonValue, path = ""): JsonMistake | undefined {
  return inMessage(message, json, path, 0);
}

/** The expected form of a field's value: "must be a string, such as "101"". For errors without the value itself. */
export function formOf(field: DescField): string {
  return field.fieldKind === "list" || field.fieldKind === "map"
    ? `must be ${field.fieldKind === "list" ? "a list" : "an object"}, such as ${shown(exampleOf(field))}`
    : elementForm(field);
}

/** The decoder's limit on nesting. */
const depthMax = 100;

function inMessage(message: DescMessage, json: JsonValue, path: string, depth: number): JsonMistake | undefined {
  if (!isJsonObject(json)) {
    const what = path === "" ? "the request must be a JSON object" : "must be an object";
    const example = shown(message.typeName === moneyType ? moneyExample(json) : messageExample(message));
    return { path, description: `${what}, such as ${example}; it is ${kindOf(json)}` };
  }
  const seen = new Map<DescField, string>();
  for (const [name, value] of Object.entries(json)) {
    const field = findField(message, name);
    if (field === undefined || depth > depthMax) {
      continue;
    }
    const other = seen.get(field);
    if (other !== undefined) {
      return { path: below(path, name), description: `is given twice, as \`${other}\` and as \`${name}\`` };
    }
    seen.set(field, name);
    const found = inField(field, value, below(path, name), depth);
    if (found !== undefined) {
      return found;
    }
  }
  return twoOfOne(message, json, path);
}

function twoOfOne(message: DescMessage, json: JsonObject, path: string): JsonMistake | undefined {
  for (const { fields } of message.oneofs) {
    const given = fields.filter(({ jsonName, name }) => (json[jsonName] ?? json[name] ?? null) !== null);
    if (given.length > 1) {
      const names = given.map(({ jsonName }) => `\`${below(path, jsonName)}\``);
      const field = below(path, given.at(-1)?.jsonName ?? "");
      return { path: "", field, description: `set either ${names.join(" or ")}, not both` };
    }
  }
  return undefined;
}

function inField(field: DescField, value: JsonValue, path: string, depth: number): JsonMistake | undefined {
  if (value === null) {
    return undefined;
  }
  if (field.fieldKind === "list") {
    if (!Array.isArray(value)) {
      return { path, description: `${formOf(field)}; it is ${kindOf(value)}` };
    }
    return firstFound(value, (item, index) => inElement(field, item, `${path}[${index}]`, depth));
  }
  if (field.fieldKind === "map") {
    if (!isJsonObject(value)) {
      return { path, description: `${formOf(field)}; it is ${kindOf(value)}` };
    }
    return firstFound(Object.entries(value), ([key, item]) =>
      inElement(field, item, `${path}[${JSON.stringify(key)}]`, depth),
    );
  }
  return inElement(field, value, path, depth);
}

function inElement(field: DescField, value: JsonValue, path: string, depth: number): JsonMistake | undefined {
  const { message } = field;
  if (value === null) {
    return { path, description: `${elementForm(field)}; it is null` };
  }
  if (field.enum !== undefined) {
    return typeof value === "string"
      ? unknownWord(field.enum, value, path)
      : Number.isSafeInteger(value)
        ? undefined
        : { path, description: `${elementForm(field)}; it is ${kindOf(value)}` };
  }
  const [boxed] = message?.fields ?? [];
  if (message !== undefined && isWrapperDesc(message) && boxed !== undefined) {
    return inElement(boxed, value, path, depth);
  }
  if (message === undefined || message.typeName in textForms) {
    const what = wrongScalar(field, value);
    return what === undefined ? undefined : { path, description: `${formLike(field, value)}; it ${what}` };
  }
  return message.typeName.startsWith("google.protobuf.") ? undefined : inMessage(message, value, path, depth + 1);
}

/** Messages that are a string in JSON, with the pattern of the string. */
const textForms: Readonly<Record<string, RegExp>> = {
  "google.protobuf.Timestamp": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/,
  "google.protobuf.Duration": /^-?\d+(?:\.\d{1,9})?s$/,
  "google.protobuf.FieldMask": /^[A-Za-z][\w.,]*$|^$/,
};

const wholeNumbers: ReadonlyMap<ScalarType, readonly [bigint, bigint]> = new Map([
  ...[ScalarType.INT32, ScalarType.SINT32, ScalarType.SFIXED32].map((type) => [type, [-(2n ** 31n), 2n ** 31n - 1n]]),
  ...[ScalarType.UINT32, ScalarType.FIXED32].map((type) => [type, [0n, 2n ** 32n - 1n]]),
  ...[ScalarType.INT64, ScalarType.SINT64, ScalarType.SFIXED64].map((type) => [type, [-(2n ** 63n), 2n ** 63n - 1n]]),
  ...[ScalarType.UINT64, ScalarType.FIXED64].map((type) => [type, [0n, 2n ** 64n - 1n]]),
] as [ScalarType, readonly [bigint, bigint]][]);

/** The expected form of one value of a field, with an example. */
export function elementForm(field: DescField): string {
  const example = shown(elementExample(field));
  if (field.enum !== undefined) {
    return `must be one of ${field.enum.values.map(({ name }) => name).join(", ")}`;
  }
  if (field.message !== undefined) {
    return `must be ${field.message.typeName in textForms ? "a string" : "an object"}, such as ${example}`;
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return `must be a string, such as ${example}`;
    case ScalarType.BYTES:
      return `must be a base64 string, such as ${example}`;
    case ScalarType.BOOL:
      return "must be true or false";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return `must be a number, such as ${example}`;
    default: {
      const [least, most] = rangeOf(field);
      return `must be a whole number from ${least} to ${most}, such as ${example}`;
    }
  }
}

/** Like {@link elementForm}. For an id that was given as a number, the example is that number in quotes. */
function formLike(field: DescField, value: JsonValue): string {
  return isId(field) && Number.isSafeInteger(value) ? `must be a string, such as "${value}"` : elementForm(field);
}

/** The range of the contract's rule if it has both bounds; otherwise that of the type. */
function rangeOf(field: DescField): readonly [bigint | number, bigint | number] {
  const type = rulesOf(field)?.type;
  if (type?.case === "int32" && type.value.greaterThan.case === "gte" && type.value.lessThan.case === "lte") {
    return [type.value.greaterThan.value, type.value.lessThan.value];
  }
  return wholeNumbers.get(field.scalar as ScalarType) ?? [0n, 0n];
}

/** The problem of a value: "is a number". Undefined for a valid value. */
function wrongScalar(field: DescField, value: JsonValue): string | undefined {
  const text = field.message === undefined ? undefined : textForms[field.message.typeName];
  if (text !== undefined) {
    return typeof value !== "string"
      ? `is ${kindOf(value)}`
      : text.test(value)
        ? undefined
        : `is ${quoteShortly(value)}`;
  }
  const range = wholeNumbers.get(field.scalar as ScalarType);
  switch (field.scalar) {
    case ScalarType.STRING:
      return typeof value !== "string"
        ? `is ${kindOf(value)}`
        : value.isWellFormed()
          ? undefined
          : "contains an unpaired surrogate, which is not valid Unicode";
    case ScalarType.BYTES:
      return typeof value !== "string"
        ? `is ${kindOf(value)}`
        : /^[A-Za-z0-9+/_-]*={0,2}$/.test(value)
          ? undefined
          : "contains characters that are not base64";
    case ScalarType.BOOL:
      return typeof value === "boolean" ? undefined : `is ${kindOf(value)}`;
    default:
      return range === undefined ? wrongNumber(value) : wrongWholeNumber(value, range);
  }
}

const numberPattern = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function wrongNumber(value: JsonValue): string | undefined {
  if (typeof value === "string") {
    return numberPattern.test(value) || /^(?:NaN|-?Infinity)$/.test(value) ? undefined : `is ${quoteShortly(value)}`;
  }
  return typeof value === "number" ? undefined : `is ${kindOf(value)}`;
}

function wrongWholeNumber(value: JsonValue, [least, most]: readonly [bigint, bigint]): string | undefined {
  if (typeof value !== "number" && typeof value !== "string") {
    return `is ${kindOf(value)}`;
  }
  const words = `is ${typeof value === "string" ? quoteShortly(value) : value}`;
  const number = Number(value);
  if ((typeof value === "string" && !numberPattern.test(value)) || !Number.isInteger(number)) {
    return words;
  }
  const exact = typeof value === "string" && /^-?\d{1,30}$/.test(value) ? BigInt(value) : BigInt(number);
  return exact < least || exact > most ? words : undefined;
}

const moneyType = "google.type.Money";

/** An amount as the caller may have meant it: 9.99 is 9 units and 990,000,000 nanos. */
function moneyExample(json: JsonValue): JsonValue {
  const amount = typeof json === "number" ? json : typeof json === "string" ? Number.parseFloat(json) : Number.NaN;
  const [, units = "9", decimals = "0"] =
    amount >= 0 && amount < 1e15 ? (/^(\d+)(?:\.(\d{1,9}))?$/.exec(String(amount)) ?? []) : ["", "9", "99"];
  const nanos = Number(decimals.padEnd(9, "0"));
  return { currencyCode: "USD", units, ...(nanos === 0 ? {} : { nanos }) };
}

function kindOf(json: JsonValue): string {
  if (json === null) {
    return "null";
  }
  if (Array.isArray(json)) {
    return "a list";
  }
  return typeof json === "object" ? "an object" : typeof json === "boolean" ? String(json) : `a ${typeof json}`;
}

function shown(example: JsonValue): string {
  // With a space after each comma and colon, as people write it.
  return JSON.stringify(example, undefined, 1)
    .replaceAll(/\n\s*(?=[}\]])|(?<=[{[])\n\s*/g, "")
    .replaceAll(/\n\s*/g, " ");
}

function below(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
