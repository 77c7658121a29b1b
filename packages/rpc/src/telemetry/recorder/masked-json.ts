import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { type JsonObject, type JsonValue, type Registry, toJson } from "@bufbuild/protobuf";

/** Replaces the value of a field with the option `debug_redact`. */
export const redacted = "REDACTED";
/** The maximum length of a message's JSON, in characters. */
const jsonCharsMax = 16_384;

export interface MaskedJson {
  readonly text: string;
  readonly truncated: boolean;
}

/** A message as ProtoJSON, with `debug_redact` fields masked, truncated at 16 KiB. */
export function maskedJson(desc: DescMessage, message: Message, registry: Registry): MaskedJson {
  let text: string;
  try {
    text = JSON.stringify(masked(desc, toJson(desc, message, { registry })));
  } catch {
    // An Any of an unknown type may contain a secret, so nothing of the message is shown.
    return { text: "", truncated: true };
  }
  return text.length <= jsonCharsMax
    ? { text, truncated: false }
    : { text: text.slice(0, jsonCharsMax), truncated: true };
}

function masked(desc: DescMessage, json: JsonValue): JsonValue {
  if (typeof json !== "object" || json === null || Array.isArray(json) || !hasRedacted(desc)) {
    return json;
  }
  const copy: JsonObject = { ...json };
  for (const field of desc.fields) {
    const value = copy[field.jsonName];
    if (value !== undefined) {
      copy[field.jsonName] = maskedField(field, value);
    }
  }
  return copy;
}

function maskedField(field: DescField, value: JsonValue): JsonValue {
  if (isRedacted(field)) {
    return redacted;
  }
  const { message } = field;
  if (message === undefined) {
    return value;
  }
  if (field.fieldKind === "list" && Array.isArray(value)) {
    return value.map((element) => masked(message, element));
  }
  if (field.fieldKind === "map" && typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, masked(message, element)]));
  }
  return masked(message, value);
}

function isRedacted({ proto }: DescField): boolean {
  return proto.options?.debugRedact === true;
}

const known = new WeakMap<DescMessage, boolean>();

/** Whether a message has a field with `debug_redact`, or contains a message that may have one. */
function hasRedacted(desc: DescMessage): boolean {
  let answer = known.get(desc);
  if (answer === undefined) {
    // While a recursive message is examined, it counts as one that has such a field.
    known.set(desc, true);
    answer = desc.fields.some(
      (field) => isRedacted(field) || (field.message !== undefined && hasRedacted(field.message)),
    );
    known.set(desc, answer);
  }
  return answer;
}
