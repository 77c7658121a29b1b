import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";

/** The fields from a message down to the one that a dotted path names. Never empty. */
export type FieldPath = readonly [DescField, ...DescField[]];

/** Well-known messages that are a single string in JSON, and so fit into a path or a parameter. */
const stringMessages: ReadonlySet<string> = new Set([
  "google.protobuf.Timestamp",
  "google.protobuf.Duration",
  "google.protobuf.FieldMask",
]);

/** Finds the fields of a path, by proto name or JSON name. Answers the name that no message has where one is missing. */
export function resolveFieldPath(message: DescMessage, names: readonly string[]): FieldPath | { missing: string } {
  const fields: DescField[] = [];
  let parent: DescMessage | undefined = message;
  for (const name of names) {
    const field: DescField | undefined = parent === undefined ? undefined : findField(parent, name);
    if (field === undefined) {
      return { missing: name };
    }
    fields.push(field);
    parent = field.fieldKind === "message" && !isTextMessage(field.message) ? field.message : undefined;
  }
  const [first, ...rest] = fields;
  return first === undefined ? { missing: "" } : [first, ...rest];
}

/** The field with this proto name or JSON name. */
export function findField(message: DescMessage, name: string): DescField | undefined {
  return message.fields.find((field) => field.name === name || field.jsonName === name);
}

/** Whether one text can hold the field's value (an item's value, of a repeated field). */
export function isTextField(field: DescField): boolean {
  switch (field.fieldKind) {
    case "scalar":
    case "enum":
      return true;
    case "message":
      return isTextMessage(field.message);
    case "list":
      return field.listKind !== "message" || isTextMessage(field.message);
    case "map":
      return false;
  }
}

/** Whether the message is written as a single text or number in JSON. */
export function isTextMessage(message: DescMessage): boolean {
  return stringMessages.has(message.typeName) || isWrapperDesc(message);
}

/** The path by proto names, for example `product.id`: how bindings and errors name a field. */
export function protoPath(path: readonly DescField[]): string {
  return path.map((field) => field.name).join(".");
}
