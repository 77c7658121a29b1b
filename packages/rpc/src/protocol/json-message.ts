import {
  type DescMessage,
  fromJson,
  fromJsonString,
  type JsonReadOptions,
  type JsonWriteOptions,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";

/**
 * Reads a message as protobuf-es does, with the same errors. protobuf-es looks at each character once more for keys that come twice,
 * which takes it longer than all the rest; here they are counted, and only where the count leaves a doubt is it asked.
 */
export function messageFromJson<T extends DescMessage>(
  schema: T,
  text: string,
  options: Partial<JsonReadOptions>,
): MessageShape<T> {
  const value = parse(text);
  return value !== undefined && keysOf(value, nestingMax) === keysIn(text)
    ? fromJson(schema, value, options)
    : fromJsonString(schema, text, options);
}

/** Writes a message as protobuf-es does. `JSON.stringify` is quicker if nothing is said of spaces, not even that there are none. */
export function messageToJson<T extends DescMessage>(
  schema: T,
  message: MessageShape<T>,
  options: Partial<JsonWriteOptions>,
): string {
  return JSON.stringify(toJson(schema, message, options));
}

type JsonValue = ReturnType<typeof toJson>;

/** Deeper than protobuf-es goes, and far from where a count that calls itself would run out of stack. */
const nestingMax = 128;

function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // What protobuf-es says of it is what the caller hears.
    return undefined;
  }
}

/** How many keys a value has, all levels together: of those that came twice, one. NaN for one that is nested deeper than this. */
function keysOf(value: JsonValue, levels: number): number {
  if (typeof value !== "object" || value === null) {
    return 0;
  }
  if (levels === 0) {
    return Number.NaN;
  }
  const isList = Array.isArray(value);
  const values = isList ? value : Object.values(value);
  let count = isList ? 0 : values.length;
  for (const each of values) {
    count += keysOf(each, levels - 1);
  }
  return count;
}

/**
 * No fewer keys than were written: the colons after a quote or a space, as every key has one (RFC 8259, sections 2 and 4). Few texts have one
 * too, and those are counted, for times have theirs after a digit.
 */
function keysIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf(":"); at >= 0; at = text.indexOf(":", at + 1)) {
    const before = text.charCodeAt(at - 1);
    if (before === quote || before <= space) {
      count++;
    }
  }
  return count;
}

const quote = 0x22;
/** All that may stand between a key and its colon comes no later: space, tab and line breaks. */
const space = 0x20;
