import { type DescEnum, type DescField, type DescMessage, type JsonObject, ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { commentOf, constraintsOf, isOneofRequired, isRequired, ruleSentences, rulesOf } from "@parley/contract";
import type { FieldRules } from "@parley/gen/buf/validate/validate_pb.js";

/** The schemas of messages and enums. Each is created on first use, under its full name in `components.schemas`. */
export class SchemaBook {
  readonly #schemas = new Map<string, JsonObject>();
  readonly #defaultCurrency: string | undefined;

  constructor({ defaultCurrency }: { readonly defaultCurrency?: string | undefined } = {}) {
    this.#defaultCurrency = defaultCurrency;
  }

  /** All schemas referenced so far, keyed by name. */
  components(): JsonObject {
    return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** A reference to a message's schema. Schemas of well-known types are inlined. */
  message(message: DescMessage): JsonObject {
    return wellKnownSchema(message) ?? this.#reference(message.typeName, () => this.#messageSchema(message));
  }

  /**
   * The schema of a body whose other fields, `elsewhere`, are in the path. It forbids unknown fields if the message is used only in requests. A
   * message that is also used in responses may get new fields, so its schema allows them.
   */
  request(message: DescMessage, elsewhere: ReadonlySet<string>): JsonObject {
    const make = () => ({ ...this.messageWithout(message, elsewhere), additionalProperties: false });
    return elsewhere.size === 0 ? this.#reference(message.typeName, make) : make();
  }

  /** The inline schema of a message in a request, without some of its fields. */
  messageWithout(message: DescMessage, left: ReadonlySet<string>): JsonObject {
    return this.#messageSchema(message, { left, field: (field) => this.requestField(field) });
  }

  /** The schema of a field's value in a request: an amount of money may be a number there. */
  requestField(field: DescField): JsonObject {
    const { description = "", ...schema } = this.field(field);
    if (this.#defaultCurrency === undefined || field.fieldKind !== "message" || field.message.typeName !== moneyType) {
      return this.field(field);
    }
    const number = {
      type: "number",
      description: `An amount in ${this.#defaultCurrency}, such as 199.99, with at most nine decimals. Responses contain an object.`,
    };
    return { anyOf: [schema, number], ...(description === "" ? {} : { description }) };
  }

  /** The schema of a field's value, with its constraints and its comment. */
  field(field: DescField): JsonObject {
    const rules = rulesOf(field);
    const description = [commentOf(field), ruleSentences(rules), tokenSentence(field)]
      .filter((text) => text !== "")
      .join(" ");
    return { ...this.#value(field, rules), ...constraintsOf(rules), ...(description === "" ? {} : { description }) };
  }

  #value(field: DescField, rules: FieldRules | undefined): JsonObject {
    switch (field.fieldKind) {
      case "scalar":
        return scalarSchema(field.scalar);
      case "enum":
        return this.#enum(field.enum, rules);
      case "message":
        return this.message(field.message);
      case "list": {
        const itemRules = rules?.type.case === "repeated" ? rules.type.value.items : undefined;
        return { type: "array", items: { ...this.#item(field, itemRules), ...constraintsOf(itemRules) } };
      }
      case "map": {
        const valueRules = rules?.type.case === "map" ? rules.type.value.values : undefined;
        const value =
          field.mapKind === "scalar"
            ? scalarSchema(field.scalar)
            : field.mapKind === "enum"
              ? this.#enum(field.enum, valueRules)
              : this.message(field.message);
        return { type: "object", additionalProperties: { ...value, ...constraintsOf(valueRules) } };
      }
    }
  }

  #item(field: DescField & { fieldKind: "list" }, rules: FieldRules | undefined): JsonObject {
    switch (field.listKind) {
      case "scalar":
        return scalarSchema(field.scalar);
      case "enum":
        return this.#enum(field.enum, rules);
      case "message":
        return this.message(field.message);
    }
  }

  #enum(descriptor: DescEnum, rules: FieldRules | undefined): JsonObject {
    const refused: readonly number[] = rules?.type.case === "enum" ? rules.type.value.notIn : [];
    if (refused.length > 0) {
      return { type: "string", enum: descriptor.values.filter((v) => !refused.includes(v.number)).map((v) => v.name) };
    }
    return this.#reference(descriptor.typeName, () => enumSchema(descriptor));
  }

  #messageSchema(
    message: DescMessage,
    { left = new Set(), field: fieldSchema = (field) => this.field(field) }: MessageSchemaOptions = {},
  ): JsonObject {
    const fields = message.fields.filter((field) => !left.has(field.name));
    const required = fields.filter((field) => isRequired(rulesOf(field))).map((field) => field.jsonName);
    const choices = message.oneofs.flatMap((oneof) => {
      const names = oneof.fields.map((field) => field.jsonName);
      const atMostOne = pairs(names).map((pair) => ({ not: { required: pair } }));
      return isOneofRequired(oneof)
        ? [{ anyOf: names.map((name) => ({ required: [name] })) }, ...atMostOne]
        : atMostOne;
    });
    const description = commentOf(message);
    return {
      type: "object",
      ...(description === "" ? {} : { description }),
      properties: Object.fromEntries(fields.map((field) => [field.jsonName, fieldSchema(field)])),
      ...(required.length === 0 ? {} : { required }),
      ...(choices.length === 0 ? {} : { allOf: choices }),
    };
  }

  #reference(name: string, make: () => JsonObject): JsonObject {
    if (!this.#schemas.has(name)) {
      // Set before it is created, so that a recursive message refers to itself.
      this.#schemas.set(name, {});
      this.#schemas.set(name, make());
    }
    return { $ref: `#/components/schemas/${name}` };
  }
}

interface MessageSchemaOptions {
  /** The names of fields that are left out. */
  readonly left?: ReadonlySet<string>;
  readonly field?: (field: DescField) => JsonObject;
}

const moneyType = "google.type.Money";

/**
 * A sentence about fields whose values only the service can create (https://google.aip.dev/158, and Parley's Watch methods). A schema cannot
 * express this.
 */
function tokenSentence(field: DescField): string {
  switch (field.name) {
    case "page_token":
      return "Must be a token that this method has returned. Any other is refused with the reason INVALID_PAGE_TOKEN.";
    case "after_position":
      return "Must be a position that this stream has returned. Any other is refused with the reason INVALID_POSITION.";
    default:
      return "";
  }
}

function pairs(names: readonly string[]): string[][] {
  return names.flatMap((first, index) => names.slice(index + 1).map((second) => [first, second]));
}

function enumSchema(descriptor: DescEnum): JsonObject {
  const values = descriptor.values.map((value) => {
    const comment = commentOf(value);
    return comment === "" ? [] : [`\`${value.name}\`: ${comment}`];
  });
  const description = [commentOf(descriptor), ...values.flat()].filter((text) => text !== "").join("\n\n");
  return {
    type: "string",
    enum: descriptor.values.map((value) => value.name),
    ...(description === "" ? {} : { description }),
  };
}

/** The ProtoJSON schema of a scalar. */
export function scalarSchema(scalar: ScalarType): JsonObject {
  switch (scalar) {
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { type: "number", format: scalar === ScalarType.FLOAT ? "float" : "double" };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: "integer", format: "int64", minimum: 0, maximum: 2 ** 32 - 1 };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return { type: "integer", format: "int32" };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { type: "string", format: "uint64", pattern: "^[0-9]+$" };
    default:
      return { type: "string", format: "int64", pattern: "^-?[0-9]+$" };
  }
}

const wellKnown: Readonly<Record<string, JsonObject>> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Duration": { type: "string", pattern: "^-?[0-9]+(\\.[0-9]{1,9})?s$" },
  "google.protobuf.FieldMask": { type: "string" },
  "google.protobuf.Struct": { type: "object", additionalProperties: true },
  "google.protobuf.ListValue": { type: "array", items: {} },
  "google.protobuf.Value": {},
  "google.protobuf.Empty": { type: "object" },
  "google.protobuf.Any": { type: "object", properties: { "@type": { type: "string" } }, additionalProperties: true },
};

function wellKnownSchema(message: DescMessage): JsonObject | undefined {
  const schema = wellKnown[message.typeName];
  if (schema !== undefined) {
    return { ...schema };
  }
  const [value] = message.fields;
  if (!isWrapperDesc(message) || value?.fieldKind !== "scalar") {
    return undefined;
  }
  const boxed = scalarSchema(value.scalar);
  return { ...boxed, type: [boxed.type as string, "null"] };
}
