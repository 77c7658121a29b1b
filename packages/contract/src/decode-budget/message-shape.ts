import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { type FieldRules, Ignore } from "@parley/gen/buf/validate/validate_pb.js";
import { rulesOf } from "../field-rules.ts";

/** The parts of a message type that the decode budget needs, by field number and by name. Built once for each type. */
export interface MessageShape {
  readonly typeName: string;
  readonly byNumber: ReadonlyMap<number, FieldShape>;
  /** By JSON name and by proto name. */
  readonly byName: ReadonlyMap<string, FieldShape>;
  /** How many of its fields have {@link FieldShape.itemsMax}. */
  readonly limitedLists: number;
}

export interface FieldShape {
  readonly desc: DescField;
  /** The wire types that a field of this type may have. Others are refused: a decoder would misread them. */
  readonly wireTypes: readonly WireType[];
  /** The field's message type; for a map, the entry. */
  readonly message: MessageShape | undefined;
  readonly repeated: boolean;
  /** The most elements that the contract allows (`max_items`, `max_pairs`). Infinity without a rule. */
  readonly itemsMax: number;
  /** Its index among the message's fields with {@link itemsMax}. */
  readonly limitIndex: number;
  /** The most characters or bytes that the contract allows in a string or bytes field. Infinity without a rule. */
  readonly lengthMax: number;
  /** The same in bytes on the wire: no string of {@link lengthMax} characters is longer. */
  readonly wireBytesMax: number;
  /** Bytes of an element in packed form: 4 or 8, 0 for varints, undefined if the field is never packed. */
  readonly packedBytes: number | undefined;
  /** The JSON notation of its values, if that needs a check. */
  readonly json: "number" | "integer64" | "field-mask" | "map" | "other";
  /** Whether it is a map whose keys are numbers. */
  readonly numericKeys: boolean;
}

const shapes = new WeakMap<DescMessage, MessageShape>();

/** The shape of a message type. */
export function messageShape(desc: DescMessage): MessageShape {
  return shapes.get(desc) ?? makeShape(desc);
}

function makeShape(desc: DescMessage): MessageShape {
  const byNumber = new Map<number, FieldShape>();
  const byName = new Map<string, FieldShape>();
  const shape = { typeName: desc.typeName, byNumber, byName, limitedLists: 0 };
  // Registered before its fields, since types may be recursive.
  shapes.set(desc, shape);
  for (const field of desc.fields) {
    const made = makeField(field, shape.limitedLists);
    shape.limitedLists += made.itemsMax === Number.POSITIVE_INFINITY ? 0 : 1;
    byNumber.set(field.number, made);
    byName.set(field.name, made);
    byName.set(field.jsonName, made);
  }
  return shape;
}

function makeField(desc: DescField, limitIndex: number): FieldShape {
  const repeated = desc.fieldKind === "list" || desc.fieldKind === "map";
  const limits = limitsOf(desc);
  const wireType = elementWireType(desc);
  const packed = desc.fieldKind === "list" && wireType !== WireType.LengthDelimited && wireType !== WireType.StartGroup;
  return {
    desc,
    wireTypes: packed ? [wireType, WireType.LengthDelimited] : [wireType],
    message: desc.fieldKind === "map" ? entryShape(desc) : desc.message && messageShape(desc.message),
    repeated,
    limitIndex,
    ...limits,
    packedBytes: packed ? packedBytes[wireType] : undefined,
    json: jsonKind(desc),
    numericKeys: hasNumericKeys(desc),
  };
}

const packedBytes: Readonly<Record<number, number>> = {
  [WireType.Varint]: 0,
  [WireType.Bit32]: 4,
  [WireType.Bit64]: 8,
};

function limitsOf(desc: DescField): Pick<FieldShape, "itemsMax" | "lengthMax" | "wireBytesMax"> {
  const rules = rulesOf(desc);
  const type = rules?.ignore === Ignore.ALWAYS ? undefined : rules?.type;
  switch (type?.case) {
    case "repeated":
      return { itemsMax: limit(type.value.maxItems), ...lengthLimits(type.value.items?.type) };
    case "map":
      return { itemsMax: limit(type.value.maxPairs), ...lengthLimits(undefined) };
    default:
      return { itemsMax: unlimited, ...lengthLimits(type) };
  }
}

function lengthLimits(type: FieldRules["type"] | undefined): Pick<FieldShape, "lengthMax" | "wireBytesMax"> {
  switch (type?.case) {
    case "string": {
      const lengthMax = limit(type.value.maxLen);
      return { lengthMax, wireBytesMax: Math.min(lengthMax * utf8BytesMax, limit(type.value.maxBytes)) };
    }
    case "bytes": {
      const lengthMax = limit(type.value.maxLen);
      return { lengthMax, wireBytesMax: lengthMax };
    }
    default:
      return { lengthMax: unlimited, wireBytesMax: unlimited };
  }
}

const unlimited = Number.POSITIVE_INFINITY;
/** The most bytes that UTF-8 uses for a character. */
const utf8BytesMax = 4;

function limit(rule: bigint): number {
  return rule === 0n ? unlimited : Number(rule);
}

/** A map is a list of entries on the wire: the key is field 1, the value field 2. */
function entryShape(desc: DescField & { readonly fieldKind: "map" }): MessageShape {
  const noLimits = {
    repeated: false,
    limitIndex: 0,
    itemsMax: unlimited,
    lengthMax: unlimited,
    wireBytesMax: unlimited,
  };
  const value: FieldShape = {
    desc,
    ...noLimits,
    wireTypes: [desc.mapKind === "message" ? WireType.LengthDelimited : scalarWireType(desc)],
    message: desc.message && messageShape(desc.message),
    packedBytes: undefined,
    json: jsonValueKind(desc),
    numericKeys: false,
  };
  const key = { ...value, wireTypes: [wireTypeOf(desc.mapKey)], message: undefined };
  return {
    typeName: `${desc.parent.typeName}.${desc.name}`,
    byNumber: new Map([
      [1, key],
      [2, value],
    ]),
    byName: new Map([["value", value]]),
    limitedLists: 0,
  };
}

function elementWireType(desc: DescField): WireType {
  if (desc.fieldKind === "map") {
    return WireType.LengthDelimited;
  }
  if (desc.message !== undefined) {
    return desc.delimitedEncoding ? WireType.StartGroup : WireType.LengthDelimited;
  }
  return scalarWireType(desc);
}

function scalarWireType(desc: DescField): WireType {
  return desc.scalar === undefined ? WireType.Varint : wireTypeOf(desc.scalar);
}

function wireTypeOf(scalar: ScalarType): WireType {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    default:
      return WireType.Varint;
  }
}

function jsonKind(desc: DescField): FieldShape["json"] {
  return desc.fieldKind === "map" ? "map" : jsonValueKind(desc);
}

function jsonValueKind({ message, scalar }: DescField): FieldShape["json"] {
  if (message !== undefined) {
    return jsonKindOfMessage(message);
  }
  switch (scalar) {
    case undefined:
    case ScalarType.STRING:
    case ScalarType.BYTES:
    case ScalarType.BOOL:
      return "other";
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return "integer64";
    default:
      return "number";
  }
}

function hasNumericKeys(desc: DescField): boolean {
  return desc.fieldKind === "map" && desc.mapKey !== ScalarType.STRING && desc.mapKey !== ScalarType.BOOL;
}

/** Wrappers of numbers are written as numbers are (protobuf's JSON mapping). */
function jsonKindOfMessage({ typeName }: DescMessage): FieldShape["json"] {
  switch (typeName) {
    case "google.protobuf.FieldMask":
      return "field-mask";
    case "google.protobuf.Int64Value":
    case "google.protobuf.UInt64Value":
      return "integer64";
    case "google.protobuf.Int32Value":
    case "google.protobuf.UInt32Value":
    case "google.protobuf.FloatValue":
    case "google.protobuf.DoubleValue":
      return "number";
    default:
      return "other";
  }
}
