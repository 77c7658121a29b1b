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

/** Options for decoding JSON: those of protobuf-es, and a decode budget. */
export interface JsonBytesOptions {
  readonly reading?: Partial<JsonReadOptions>;
  readonly budget?: DecodeBudget;
  /** Checks the parsed text before it is decoded. Its exceptions are passed on. */
  readonly check?: ((value: JsonValue) => void) | undefined;
}

/**
 * Decodes a message from the bytes of a JSON text, within a budget: {@link defaultDecodeBudget} by default. Throws a `DecodeLimitError` for a limit,
 * a `JsonNumberError` for a quoted number in another notation than JSON's, and an Error for invalid UTF-8, invalid JSON or a wrong message.
 */
export function messageFromJsonBytes<T extends DescMessage>(
  schema: T,
  bytes: Buffer,
  { reading: options = {}, budget = defaultDecodeBudget, check }: JsonBytesOptions,
): MessageShape<T> {
  if (!isUtf8(bytes)) {
    // Otherwise each wrong byte would become U+FFFD, and be stored as that (RFC 8259, section 8.1).
    throw new Error(`cannot decode message ${schema.typeName} from JSON: the text is not valid UTF-8`);
  }
  const keys = bytes.length < scannedBytesMin ? undefined : scanJson(bytes, budget).keys;
  return read(schema, { text: textOf(bytes), keys, check, options, contractLimits: budget.contractLimits ?? true });
}

/** Decodes a message as protobuf-es does, with the same errors, except for quoted numbers: see `checkJson`. */
export function messageFromJson<T extends DescMessage>(
  schema: T,
  text: string,
  options: Partial<JsonReadOptions>,
): MessageShape<T> {
  return read(schema, { text, keys: undefined, check: undefined, options, contractLimits: true });
}

interface JsonText {
  readonly text: string;
  /** The number of keys in it, if they were counted. */
  readonly keys: number | undefined;
  readonly check: ((value: JsonValue) => void) | undefined;
  readonly options: Partial<JsonReadOptions>;
  readonly contractLimits: boolean;
}

/**
 * protobuf-es scans each character once more for duplicate keys, which takes longer than all the rest; here keys are counted, and
 * protobuf-es scans only if the count does not rule duplicates out.
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

/** Text without a byte order mark. */
function textOf(bytes: Buffer): string {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
    ? bytes.toString("utf8", 3)
    : bytes.toString("utf8");
}

/** Encodes a message as protobuf-es does. `JSON.stringify` is faster without an indentation argument, even an empty one. */
export function messageToJson<T extends DescMessage>(
  schema: T,
  message: MessageShape<T>,
  options: Partial<JsonWriteOptions>,
): string {
  return JSON.stringify(toJson(schema, message, options));
}

type JsonValue = ReturnType<typeof toJson>;

/** Deeper than protobuf-es allows, and far below the depth at which recursion would overflow the stack. */
const nestingMax = 128;

function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // protobuf-es's error is passed to the caller.
    return undefined;
  }
}

/** The number of a value's keys, all levels together; duplicates count once. NaN if it is nested deeper than this. */
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
 * An upper bound of the written keys: the colons after a quote or a space, as every key has one (RFC 8259, sections 2 and 4). Few texts have others
 * too; times have theirs after a digit.
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
/** Characters between a key and its colon have no higher code: space, tab and line breaks. */
const space = 0x20;
