import type { DescEnum, DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { firstFound, isJsonObject } from "./json-values.ts";
import { nearestName } from "./nearest-name.ts";

/** An unknown enum value in JSON. */
export interface UnknownWord {
  /** Its path with the caller's names, for example `filter.state` or `items[0].kind`. */
  readonly path: string;
  /** The problem, and the nearest known value: the rest of a sentence that begins with the path. */
  readonly description: string;
}

/**
 * The first unknown enum value in a message's JSON; undefined if there is none. ProtoJSON parsers that ignore unknown fields
 * ignore such values too, so a misspelt filter would list everything.
 */
export function findUnknownWord(message: DescMessage, json: JsonValue): UnknownWord | undefined {
  return holdsEnum(message) && isJsonObject(json) ? inMessage(message, json, "") : undefined;
}

/** The message for an unknown value; undefined if the enum has it, or if it is not a string. */
export function unknownWord(descriptor: DescEnum, value: JsonValue, path: string): UnknownWord | undefined {
  // google.protobuf.NullValue is written as null.
  if (typeof value !== "string" || descriptor.values.some(({ name }) => name === value)) {
    return undefined;
  }
  const words = descriptor.values.map(({ name }) => name);
  const nearest = nearestName(value, words);
  const shown = JSON.stringify(value.length > shownLengthMax ? `${value.slice(0, shownLengthMax)}…` : value);
  const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  return { path, description: `must be one of ${words.join(", ")}; it is ${shown}${hint}` };
}

/** Long enough to recognise a value, short enough not to flood a log. */
const shownLengthMax = 100;

const holders = new WeakMap<DescMessage, boolean>();

/** Whether a message of this type, or one nested in it, can contain an enum. */
export function holdsEnum(message: DescMessage): boolean {
  const known = holders.get(message);
  if (known !== undefined) {
    return known;
  }
  // A recursive message adds nothing.
  holders.set(message, false);
  const holds = message.fields.some((field) =>
    field.enum !== undefined
      ? true
      : field.message !== undefined && !isWellKnown(field.message) && holdsEnum(field.message),
  );
  holders.set(message, holds);
  return holds;
}

/** The well-known types have their own JSON format. */
function isWellKnown(message: DescMessage): boolean {
  return message.typeName.startsWith("google.protobuf.");
}

function inMessage(message: DescMessage, json: JsonObject, above: string): UnknownWord | undefined {
  for (const field of message.fields) {
    for (const name of new Set([field.jsonName, field.name])) {
      const value = Object.hasOwn(json, name) ? json[name] : undefined;
      const found = value === undefined ? undefined : inField(field, value, above === "" ? name : `${above}.${name}`);
      if (found !== undefined) {
        return found;
      }
    }
  }
  return undefined;
}

function inField(field: DescField, value: JsonValue, path: string): UnknownWord | undefined {
  if (field.fieldKind === "list" && Array.isArray(value)) {
    return firstFound(value, (item, index) => inItem(field, item, `${path}[${index}]`));
  }
  if (field.fieldKind === "map" && isJsonObject(value)) {
    return firstFound(Object.entries(value), ([key, item]) => inItem(field, item, `${path}[${JSON.stringify(key)}]`));
  }
  return inItem(field, value, path);
}

function inItem(field: DescField, value: JsonValue, path: string): UnknownWord | undefined {
  if (field.enum !== undefined) {
    return unknownWord(field.enum, value, path);
  }
  return field.message !== undefined && !isWellKnown(field.message) && isJsonObject(value)
    ? inMessage(field.message, value, path)
    : undefined;
}
