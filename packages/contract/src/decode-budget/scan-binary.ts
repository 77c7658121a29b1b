import type { DescMessage } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { type DecodeBudget, DecodeLimitError, elementsMaxOf, scannedBytesMin } from "./decode-budget.ts";
import { tooDeep, tooManyElements, tooManyFields, tooManyItems, valueTooLong } from "./limit-messages.ts";
import { type FieldShape, type MessageShape, messageShape } from "./message-shape.ts";

/**
 * Scans a message in protobuf's binary format before it is decoded, in one pass that allocates almost nothing. Throws a
 * {@link DecodeLimitError} for the first limit that it exceeds: those of the budget, and `max_items`, `max_pairs`, `max_len` and `max_bytes` of
 * the contract. Throws an Error if the bytes are not protobuf, or if a field's wire type does not match the contract.
 */
export function scanBinary(desc: DescMessage, bytes: Uint8Array, budget: DecodeBudget): void {
  if (bytes.length >= scannedBytesMin) {
    new BinaryScan(bytes, budget).message(messageShape(desc), bytes.length, 1);
  }
}

class BinaryScan {
  readonly #bytes: Uint8Array;
  readonly #budget: DecodeBudget;
  readonly #elementsMax: number;
  readonly #contractLimits: boolean;
  #pos = 0;
  #elements = 0;
  #fields = 0;

  constructor(bytes: Uint8Array, budget: DecodeBudget) {
    this.#bytes = bytes;
    this.#budget = budget;
    this.#elementsMax = elementsMaxOf(budget, bytes.length);
    this.#contractLimits = budget.contractLimits ?? true;
  }

  /** Scans one message, up to `end`, or to the end of the group with this number. */
  message(shape: MessageShape | undefined, end: number, ...[depth, group = 0]: [depth: number, group?: number]): void {
    if (depth > this.#budget.depthMax) {
      throw tooDeep(this.#budget.depthMax);
    }
    const counts =
      shape === undefined || shape.limitedLists === 0 || !this.#contractLimits
        ? undefined
        : new Array<number>(shape.limitedLists).fill(0);
    while (this.#pos < end) {
      const tag = this.#uint32(end);
      const [number, wireType] = [tag >>> 3, tag & 7];
      if (wireType === WireType.EndGroup) {
        if (number !== group) {
          throw new Error("an end-group tag without its start-group tag");
        }
        return;
      }
      if (++this.#fields > this.#budget.fieldsMax) {
        throw tooManyFields(this.#budget.fieldsMax);
      }
      const field = shape?.byNumber.get(number);
      if (field === undefined) {
        this.#element();
        this.#skip(wireType, end, { depth, number });
      } else {
        this.#known(field, wireType, { end, depth, counts });
      }
    }
    if (group !== 0 || this.#pos !== end) {
      throw truncated();
    }
  }

  #known(field: FieldShape, wireType: number, { end, depth, counts }: Place): void {
    if (!field.wireTypes.includes(wireType)) {
      throw new Error(
        `${field.desc.parent.typeName}.${field.desc.name} has the wire type ${wireType}, which does not match its type`,
      );
    }
    let added = 1;
    try {
      if (wireType === WireType.LengthDelimited) {
        added = this.#delimited(field, end, depth);
      } else {
        if (field.repeated || field.message !== undefined) {
          this.#element();
        }
        if (wireType === WireType.StartGroup) {
          this.message(field.message, end, depth + 1, field.desc.number);
        } else {
          this.#skip(wireType, end, { depth, number: 0 });
        }
      }
      if (counts !== undefined && field.itemsMax !== Number.POSITIVE_INFINITY) {
        const count = (counts[field.limitIndex] ?? 0) + added;
        counts[field.limitIndex] = count;
        if (count > field.itemsMax) {
          throw tooManyItems(field);
        }
      }
    } catch (error) {
      if (error instanceof DecodeLimitError && (error.limit === "list" || error.limit === "length")) {
        error.path.unshift(pathOf(field, { error, index: counts?.[field.limitIndex] }));
      }
      throw error;
    }
  }

  /** Scans a length-delimited field. Returns the number of list elements that it adds. */
  #delimited(field: FieldShape, end: number, depth: number): number {
    const length = this.#uint32(end);
    const fieldEnd = this.#pos + length;
    if (fieldEnd > end) {
      throw truncated();
    }
    if (field.message !== undefined) {
      this.#element();
      this.message(field.message, fieldEnd, depth + 1);
      return 1;
    }
    if (field.packedBytes !== undefined) {
      return this.#packed(field.packedBytes, fieldEnd);
    }
    if (field.repeated) {
      this.#element();
    }
    if (length > field.wireBytesMax && this.#contractLimits) {
      throw valueTooLong(field);
    }
    this.#pos = fieldEnd;
    return 1;
  }

  #packed(width: number, end: number): number {
    const bytes = this.#bytes;
    let count = 0;
    if (width > 0) {
      count = Math.ceil((end - this.#pos) / width);
    } else {
      for (let at = this.#pos; at < end; at++) {
        count += (bytes[at] as number) < 0x80 ? 1 : 0;
      }
    }
    this.#pos = end;
    // Numbers in a list take a fraction of a message's memory.
    this.#elements += Math.ceil(count / packedPerElement) - 1;
    this.#element();
    return count;
  }

  #element(): void {
    if (++this.#elements > this.#elementsMax) {
      throw tooManyElements(this.#elementsMax);
    }
  }

  #skip(wireType: number, end: number, { depth, number }: { readonly depth: number; readonly number: number }): void {
    switch (wireType) {
      case WireType.Varint:
        this.#varint(end);
        return;
      case WireType.Bit64:
        this.#pos += 8;
        break;
      case WireType.Bit32:
        this.#pos += 4;
        break;
      case WireType.LengthDelimited:
        this.#pos += this.#uint32(end);
        break;
      case WireType.StartGroup:
        this.message(undefined, end, depth + 1, number);
        return;
      default:
        throw new Error(`invalid wire type ${wireType}`);
    }
    if (this.#pos > end) {
      throw truncated();
    }
  }

  #varint(end: number): void {
    const bytes = this.#bytes;
    let pos = this.#pos;
    while (pos < end) {
      if ((bytes[pos++] as number) < 0x80) {
        this.#pos = pos;
        return;
      }
    }
    throw truncated();
  }

  #uint32(end: number): number {
    const bytes = this.#bytes;
    let value = 0;
    for (let shift = 0; this.#pos < end && shift < 35; shift += 7) {
      const byte = bytes[this.#pos++] as number;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffff_ffff) {
          break;
        }
        return value;
      }
    }
    throw truncated();
  }
}

const packedPerElement = 8;

interface Place {
  readonly end: number;
  readonly depth: number;
  readonly counts: number[] | undefined;
}

function pathOf(
  { desc, message, repeated }: FieldShape,
  { error, index }: { readonly error: DecodeLimitError; readonly index: number | undefined },
): string {
  const own = error.path.length === 0;
  return repeated && message !== undefined && !own && index !== undefined ? `${desc.name}[${index}]` : desc.name;
}

function truncated(): Error {
  return new Error("premature end of the message");
}
