import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { findField } from "../field-path.ts";

/** Returns a field's path in another spelling. Undefined if it is not the path of a field. */
export type RenameField = (path: string) => string | undefined;

/** Renames the fields in a text, which are in backquotes, as in "`user_id` is required." */
export function renameFields(text: string, rename: RenameField): string {
  return text.includes("`") ? text.replaceAll(/`([^`]+)`/g, (all, path) => wrapped(rename(path)) ?? all) : text;
}

function wrapped(path: string | undefined): string | undefined {
  return path === undefined ? undefined : `\`${path}\``;
}

/**
 * The path of a field, such as `items[0].product_id`, in the spelling of JSON: `items[0].productId`. Undefined if the message has no such field. The
 * path may also start inside a resource of the message, as in a field mask.
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

/** A field's name, and the index or key of an entry of a list or a map. */
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
