import { bytesPerElement, DecodeLimitError } from "./decode-budget.ts";
import type { FieldShape } from "./message-shape.ts";

/** `max_items` or `max_pairs`. */
export function tooManyItems({ itemsMax, desc }: Pick<FieldShape, "itemsMax" | "desc">): DecodeLimitError {
  const message =
    desc.fieldKind === "map" ? `must have at most ${itemsMax} entries` : `must have at most ${itemsMax} items`;
  return new DecodeLimitError("list", itemsMax, message);
}

/** `max_len` or `max_bytes`. */
export function valueTooLong({ lengthMax, wireBytesMax, desc }: FieldShape): DecodeLimitError {
  const characters = lengthMax !== Number.POSITIVE_INFINITY && desc.scalar !== 12;
  const [limit, unit] = characters ? [lengthMax, "characters"] : [wireBytesMax, "bytes"];
  return new DecodeLimitError("length", limit, `must have at most ${limit} ${unit}`);
}

export function tooManyElements(elementsMax: number): DecodeLimitError {
  return new DecodeLimitError(
    "elements",
    elementsMax,
    `the message has more than ${elementsMax} elements (messages, list and map entries, unknown fields), the limit for a message of its size; ` +
      `send fewer at once (REQUEST_ELEMENTS_MAX; ${bytesPerElement} bytes each)`,
  );
}

export function tooManyFields(fieldsMax: number): DecodeLimitError {
  return new DecodeLimitError(
    "fields",
    fieldsMax,
    `the message sets more than ${fieldsMax} fields, the limit of four times REQUEST_ELEMENTS_MAX; send fewer at once`,
  );
}

export function tooDeep(depthMax: number): DecodeLimitError {
  return new DecodeLimitError("depth", depthMax, `the message is nested deeper than ${depthMax} levels, the limit`);
}
