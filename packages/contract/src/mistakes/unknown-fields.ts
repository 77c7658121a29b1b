import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { findField } from "../field-path.ts";

/** The paths in a message's JSON that are not fields of it, as the caller spelled them. At most ten. */
export function unknownFields(message: DescMessage, json: JsonValue): readonly string[] {
  const found: string[] = [];
  collect(message, json, { path: "", depth: 0, found });
  return found;
}

const foundMax = 10;
/** The decoder's limit on nesting. */
const depthMax = 100;

interface Place {
  readonly path: string;
  readonly depth: number;
  readonly found: string[];
}

function collect(message: DescMessage, json: JsonValue, { path, depth, found }: Place): void {
  if (typeof json !== "object" || json === null || Array.isArray(json) || depth > depthMax) {
    return;
  }
  for (const [name, value] of Object.entries(json)) {
    if (found.length === foundMax) {
      return;
    }
    const at = path === "" ? name : `${path}.${name}`;
    const field = findField(message, name);
    if (field === undefined) {
      found.push(at);
    } else if (field.message !== undefined && !field.message.typeName.startsWith("google.protobuf.")) {
      const items = field.fieldKind === "list" && Array.isArray(value) ? value : [value];
      for (const [index, item] of items.entries()) {
        const place = field.fieldKind === "list" ? `${at}[${index}]` : at;
        collect(field.message, item, { path: place, depth: depth + 1, found });
      }
    }
  }
}
