import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { DecodeLimitError } from "./decode-budget.ts";
import { tooManyItems, valueTooLong } from "./limit-messages.ts";
import { type FieldShape, type MessageShape, messageShape } from "./message-shape.ts";

/** A number in JSON in a notation that JSON does not have, for example `"0x10"`. */
export class JsonNumberError extends Error {
  override readonly name = "JsonNumberError";
  readonly path: string[] = [];

  get field(): string {
    return this.path.join(".").replaceAll(".[", "[");
  }
}

/**
 * Checks a parsed JSON value against its message type before it is decoded: lists no longer than `max_items` and `max_pairs`, texts
 * no longer than `max_len`, and quoted numbers in the notation of JSON numbers (ProtoJSON: decimal, no space, no plus, no prefix).
 * Throws a {@link DecodeLimitError} or a {@link JsonNumberError} that names the field. Other errors are left to the decoder.
 */
export function checkJson(desc: DescMessage, value: JsonValue): void {
  const shape = messageShape(desc);
  if (needsCheck(shape)) {
    checkMessage(shape, value, 0);
  }
}

function checkMessage(shape: MessageShape, value: JsonValue, depth: number): void {
  if (typeof value !== "object" || value === null || Array.isArray(value) || depth > depthMax) {
    return;
  }
  for (const name in value) {
    const field = shape.byName.get(name);
    const each = value[name];
    if (field !== undefined && each !== null && each !== undefined) {
      checkField(field, each, depth);
    }
  }
}

function checkField(field: FieldShape, value: JsonValue, depth: number): void {
  try {
    if (field.json === "map") {
      checkEntries(field, value, depth);
    } else if (field.repeated && Array.isArray(value)) {
      if (value.length > field.itemsMax) {
        throw tooManyItems(field);
      }
      checkElements(field, value, depth);
    } else {
      checkValue(field, value, depth);
    }
  } catch (error) {
    if (error instanceof DecodeLimitError || error instanceof JsonNumberError) {
      error.path.unshift(field.desc.name);
    }
    throw error;
  }
}

function checkElements(field: FieldShape, values: readonly JsonValue[], depth: number): void {
  let index = 0;
  try {
    for (const value of values) {
      checkValue(field, value, depth);
      index++;
    }
  } catch (error) {
    if (error instanceof DecodeLimitError || error instanceof JsonNumberError) {
      error.path.unshift(`[${index}]`);
    }
    throw error;
  }
}

function checkEntries(field: FieldShape, value: JsonValue, depth: number): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return;
  }
  const values = Object.values(value);
  if (values.length > field.itemsMax) {
    throw tooManyItems(field);
  }
  if (field.numericKeys) {
    for (const key in value) {
      checkNumber("integer64", key);
    }
  }
  const element = field.message?.byName.get("value");
  for (const each of element === undefined ? [] : values) {
    checkValue(element as FieldShape, each, depth);
  }
}

function checkValue(field: FieldShape, value: JsonValue, depth: number): void {
  if (typeof value === "string") {
    checkText(field, value);
  } else if (field.message !== undefined) {
    checkMessage(field.message, value, depth + 1);
  }
}

function checkText(field: FieldShape, text: string): void {
  switch (field.json) {
    case "integer64":
    case "number":
      checkNumber(field.json, text);
      break;
    case "field-mask":
      if (text.length > fieldMaskCharsMax) {
        throw new DecodeLimitError("length", fieldMaskCharsMax, `must have at most ${fieldMaskCharsMax} characters`);
      }
      break;
    default:
      // A character takes at most two UTF-16 code units; base64 takes four characters for three bytes.
      if (text.length > field.lengthMax * 2) {
        throw valueTooLong(field);
      }
  }
}

function checkNumber(kind: "integer64" | "number", text: string): void {
  const written = kind === "integer64" ? integer.test(text) : decimal.test(text) || notFinite.has(text);
  // Texts that are no numbers at all are left to the decoder, which also accepts some notations of other languages.
  if (text.length > numberCharsMax || (!written && !Number.isNaN(Number(text)))) {
    throw new JsonNumberError(
      `must be a decimal number, such as 1; it is ${JSON.stringify(text.slice(0, numberCharsMax))}`,
    );
  }
}

/** Longer than any number: parsing a longer one takes quadratic time. */
const numberCharsMax = 64;
/** Each comma in a mask is one more path. */
const fieldMaskCharsMax = 16_384;
/** Deeper than the decoder's own limit. */
const depthMax = 100;
const integer = /^-?\d+$/;
const decimal = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const notFinite: ReadonlySet<string> = new Set(["NaN", "Infinity", "-Infinity"]);

const checked = new WeakMap<MessageShape, boolean>();

/** Whether {@link checkJson} has a limit to check in a type or in one nested in it. */
function needsCheck(shape: MessageShape): boolean {
  let needed = checked.get(shape);
  if (needed === undefined) {
    needed = holdsChecked(shape, new Set());
    checked.set(shape, needed);
  }
  return needed;
}

function holdsChecked(shape: MessageShape, seen: Set<MessageShape>): boolean {
  seen.add(shape);
  return [...shape.byNumber.values()].some(
    ({ itemsMax, lengthMax, json, numericKeys, message }) =>
      itemsMax !== Number.POSITIVE_INFINITY ||
      lengthMax !== Number.POSITIVE_INFINITY ||
      (json !== "other" && json !== "map") ||
      numericKeys ||
      (message !== undefined && !seen.has(message) && holdsChecked(message, seen)),
  );
}
