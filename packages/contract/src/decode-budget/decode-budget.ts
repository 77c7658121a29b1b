/** The most that decoding one message may cost. The default is {@link defaultDecodeBudget}. */
export interface DecodeBudget {
  /**
   * The most elements of a message, all levels together: messages, entries of repeated fields and maps, unknown fields. Above
   * {@link freeElements} a message also needs {@link bytesPerElement} bytes for each, so that a few bytes cannot take much memory.
   */
  readonly elementsMax: number;
  /** The most fields that are set, all levels together; in JSON the most values and keys, where a key counts twice. */
  readonly fieldsMax: number;
  /** The deepest nesting of messages. Protobuf's own limit in most languages. */
  readonly depthMax: number;
  /**
   * Whether the contract's size limits are checked as well: `max_items`, `max_pairs`, `max_len`, `max_bytes`. Default true. False for responses: a
   * server with a newer contract may have wider limits.
   */
  readonly contractLimits?: boolean;
}

/** The elements that any message may have. At about 160 bytes each (an unknown field) they take less than 1 MiB. */
export const freeElements = 6_000;
/** An element of 8 bytes takes at most 16 times as much memory once it is decoded. */
export const bytesPerElement = 8;

/** Fields allowed for each allowed element. */
const fieldsPerElement = 4;

/** The budget with this limit on elements. Decoding and validating 25,000 takes about 30 ms. */
export function decodeBudget(elementsMax: number): DecodeBudget {
  return { elementsMax, fieldsMax: elementsMax * fieldsPerElement, depthMax: 100 };
}

export const defaultDecodeBudget: DecodeBudget = decodeBudget(25_000);

/** The elements allowed in a message of this size. */
export function elementsMaxOf({ elementsMax }: DecodeBudget, bytes: number): number {
  return Math.min(elementsMax, freeElements + Math.floor(bytes / bytesPerElement));
}

/**
 * Messages below this size are not scanned: the 2,048 elements that fit into one are decoded in about a millisecond, into less than
 * 512 KiB.
 */
export const scannedBytesMin = 4_096;

/** Which limit a message exceeds. */
export type DecodeLimit = "elements" | "fields" | "depth" | "list" | "length";

/** A message that costs more to decode than its size or its contract allows. Thrown before it is decoded. */
export class DecodeLimitError extends Error {
  override readonly name = "DecodeLimitError";
  readonly limit: DecodeLimit;
  readonly limitValue: number;
  /** Where in the message, innermost last; filled in on the way out. */
  readonly path: string[] = [];

  constructor(limit: DecodeLimit, limitValue: number, message: string) {
    super(message);
    this.limit = limit;
    this.limitValue = limitValue;
  }

  /** The offending field, for example `requests[3].items`; empty for the message as a whole. */
  get field(): string {
    return this.path.join(".").replaceAll(".[", "[");
  }
}
