import { type DescField, type DescOneof, getOption, hasOption, type JsonObject } from "@bufbuild/protobuf";
import {
  type FieldRules,
  field as fieldRules,
  Ignore,
  oneof as oneofRules,
  type StringRules,
} from "@parley/gen/buf/validate/validate_pb.js";

/** The protovalidate rules of a field in the contract; undefined if there are none. */
export function rulesOf(field: DescField): FieldRules | undefined {
  return hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
}

/** Whether one of the oneof's fields must be set. */
export function isOneofRequired(oneof: DescOneof): boolean {
  return getOption(oneof, oneofRules).required;
}

/** Whether a request without the field is refused: it is required, or the zero value breaks its rules. */
export function isRequired(rules: FieldRules | undefined): boolean {
  if (rules === undefined || rules.ignore === Ignore.IF_ZERO_VALUE || rules.ignore === Ignore.ALWAYS) {
    return false;
  }
  if (rules.required) {
    return true;
  }
  switch (rules.type.case) {
    case "string":
      return rules.type.value.minLen > 0n || rules.type.value.wellKnown.value === true;
    case "repeated":
      return rules.type.value.minItems > 0n;
    case "int32": {
      const { greaterThan } = rules.type.value;
      return (
        (greaterThan.case === "gte" && greaterThan.value > 0) || (greaterThan.case === "gt" && greaterThan.value >= 0)
      );
    }
    case "enum":
      return rules.type.value.notIn.includes(0);
    default:
      return false;
  }
}

/** The rules as JSON Schema 2020-12. Rules that it cannot express are left to the description. */
export function constraintsOf(rules: FieldRules | undefined): JsonObject {
  if (rules === undefined || rules.ignore === Ignore.ALWAYS) {
    return {};
  }
  const { case: kind, value } = rules.type;
  switch (kind) {
    case "int32":
      return {
        ...(value.greaterThan.case === "gte" ? { minimum: value.greaterThan.value } : {}),
        ...(value.greaterThan.case === "gt" ? { exclusiveMinimum: value.greaterThan.value } : {}),
        ...(value.lessThan.case === "lte" ? { maximum: value.lessThan.value } : {}),
        ...(value.lessThan.case === "lt" ? { exclusiveMaximum: value.lessThan.value } : {}),
      };
    case "string":
      return stringConstraints(value);
    case "repeated":
      return {
        ...(value.minItems > 0n ? { minItems: Number(value.minItems) } : {}),
        ...(value.maxItems > 0n ? { maxItems: Number(value.maxItems) } : {}),
        ...(value.unique ? { uniqueItems: true } : {}),
      };
    case "map":
      return value.maxPairs > 0n ? { maxProperties: Number(value.maxPairs) } : {};
    default:
      return {};
  }
}

const formats = { email: "email", uri: "uri", uuid: "uuid" } as const;

function stringConstraints(rules: StringRules): JsonObject {
  const maxLength = rules.maxLen > 0n ? rules.maxLen : rules.maxBytes;
  const { wellKnown } = rules;
  return {
    ...(rules.minLen > 0n ? { minLength: Number(rules.minLen) } : {}),
    ...(maxLength > 0n ? { maxLength: Number(maxLength) } : {}),
    ...(rules.pattern === "" ? {} : { pattern: rules.pattern }),
    ...(rules.in.length === 0 ? {} : { enum: [...rules.in] }),
    ...(wellKnown.case !== undefined && wellKnown.value ? { format: formats[wellKnown.case] } : {}),
  };
}

/** The CEL rules, and the paths that a field mask may have, as sentences for the description. */
export function ruleSentences(rules: FieldRules | undefined): string {
  const cel = (rules?.cel ?? []).map(({ message }) => `${message.charAt(0).toUpperCase()}${message.slice(1)}.`);
  const paths = rules?.type.case === "fieldMask" ? rules.type.value.in : [];
  return [...cel, ...(paths.length === 0 ? [] : [`Paths: ${paths.join(", ")}.`])].join(" ");
}
