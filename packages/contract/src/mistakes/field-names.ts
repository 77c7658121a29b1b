import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { findField } from "../field-path.ts";

/** Answers a field's path in another spelling, or undefined for what is the path of no field. */
export type RenameField = (path: string) => string | undefined;

/** Renames the fields in a text: those that stand in backquotes, as in "`user_id` is required." */
export function renameFields(text: string, rename: RenameField): string {
  return text.includes("`") ? text.replaceAll(/`([^`]+)`/g, (all, path) => wrapped(rename(path)) ?? all) : text;
}

function wrapped(path: string | undefined): string | undefined {
  return path === undefined ? undefined : `\`${path}\``;
}

/**
 * The path of a field, such as `items[0].product_id`, in the spelling of JSON: `items[0].productId`. Undefined for what is the path of no field of
 * the message; the fields of a resource that the message carries are found by their own names too, as a field mask names them.
 */
export function jsonFieldPath(message: DescMessage, path: string): string | undefined {
  return spelled(message, path) ?? inResource(message, path);
}

function inResource(message: DescMessage, path: string): string | undefined {
  for (const field of message.fields) {
    const found = field.fieldKind === "message" ? spelled(field.message, path) : undefined;
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** A field's name, and what picks an entry of a list or a map. */
const segmentPattern = /^([A-Za-z_]\w*)((?:\[[^\]]*\])*)$/;

function spelled(message: DescMessage, path: string): string | undefined {
  if (path.length > pathCharsMax) {
    return undefined;
  }
  let at: DescMessage | undefined = message;
  const names: string[] = [];
  for (const segment of path.split(".")) {
    const [, name = "", entry = ""] = segmentPattern.exec(segment) ?? [];
    const field: DescField | undefined = at === undefined ? undefined : findField(at, name);
    if (field === undefined) {
      return undefined;
    }
    names.push(`${field.jsonName}${entry}`);
    at = field.message;
  }
  return names.join(".");
}

/** Longer than any path that a contract has. */
const pathCharsMax = 512;
