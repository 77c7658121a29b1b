import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";

/** The fields from a message down to the last one of a dotted path. Never empty. */
export type FieldPath = readonly [DescField, ...DescField[]];

/** Well-known messages that are a single string in JSON, and so can be a path variable or a parameter. */
const stringMessages: ReadonlySet<string> = new Set([
  "google.protobuf.Timestamp",
  "google.protobuf.Duration",
  "google.protobuf.FieldMask",
]);

/** Finds the fields of a path, by proto name or JSON name. If one is missing, returns its name. */
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

/** Whether a single string can hold the field's value (of a repeated field: an item's value). */
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

/** Whether the message is a single string or number in JSON. */
export function isTextMessage(message: DescMessage): boolean {
  return stringMessages.has(message.typeName) || isWrapperDesc(message);
}

/** The path with proto names, for example `product.id`, as bindings and errors use it. */
export function protoPath(path: readonly DescField[]): string {
  return path.map((field) => field.name).join(".");
}
