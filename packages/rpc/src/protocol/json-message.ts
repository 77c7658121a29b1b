import { isUtf8 } from "node:buffer";
import {
  type DescMessage,
  fromJson,
  fromJsonString,
  type JsonReadOptions,
  type JsonWriteOptions,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { checkJson, type DecodeBudget, defaultDecodeBudget, scanJson, scannedBytesMin } from "@parley/contract";

/** Settings of reading JSON: those of protobuf-es, and what a message may cost. */
export interface JsonBytesOptions extends Partial<JsonReadOptions> {
  readonly budget?: DecodeBudget;
  /** Looks at the parsed text before it becomes a message. What it throws is thrown. */
  readonly check?: ((value: JsonValue) => void) | undefined;
}

/**
 * Reads a message from the bytes of a JSON text, within a budget: {@link defaultDecodeBudget} by default. Throws a `DecodeLimitError` for a limit, a
 * `JsonNumberError` for a number in quotes that is not written as JSON's are, and an Error for bytes that are no UTF-8, no JSON or no such message.
 */
export function messageFromJsonBytes<T extends DescMessage>(
  schema: T,
  bytes: Buffer,
  { budget = defaultDecodeBudget, check, ...options }: JsonBytesOptions,
): MessageShape<T> {
  if (!isUtf8(bytes)) {
    // Decoded all the same, each wrong byte would become U+FFFD, and be stored as that (RFC 8259, section 8.1).
    throw new Error(`cannot decode message ${schema.typeName} from JSON: the text is not valid UTF-8`);
  }
  const keys = bytes.length < scannedBytesMin ? undefined : scanJson(bytes, budget).keys;
  return read(schema, { text: textOf(bytes), keys, check, options, contractLimits: budget.contractLimits ?? true });
}

/** Reads a message as protobuf-es does, with the same errors, but for numbers in quotes: see `checkJson`. */
export function messageFromJson<T extends DescMessage>(
  schema: T,
  text: string,
  options: Partial<JsonReadOptions>,
): MessageShape<T> {
  return read(schema, { text, keys: undefined, check: undefined, options, contractLimits: true });
}

interface JsonText {
  readonly text: string;
  /** How many keys are written in it, where they were counted. */
  readonly keys: number | undefined;
  readonly check: ((value: JsonValue) => void) | undefined;
  readonly options: Partial<JsonReadOptions>;
  readonly contractLimits: boolean;
}

/**
 * protobuf-es looks at each character once more for keys that come twice, which takes it longer than all the rest; here they are counted, and only
 * where the count leaves a doubt is it asked.
 */
function read<T extends DescMessage>(
  schema: T,
  { text, keys, check, options, contractLimits }: JsonText,
): MessageShape<T> {
  const value = parse(text);
  if (value === undefined) {
    return fromJsonString(schema, text, options);
  }
  if (contractLimits) {
    checkJson(schema, value);
  }
  check?.(value);
  return keysOf(value, nestingMax) === (keys ?? keysIn(text))
    ? fromJson(schema, value, options)
    : fromJsonString(schema, text, options);
}

/** Text without the byte order mark that some clients put before it. */
function textOf(bytes: Buffer): string {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
    ? bytes.toString("utf8", 3)
    : bytes.toString("utf8");
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
