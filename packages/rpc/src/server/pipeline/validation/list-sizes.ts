import type { DescMessage, Message } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { messageShape, tooManyItems } from "@parley/contract";
import type { FieldProblem } from "../../../call/reason-error.ts";

/** The lists and maps of a message that are longer than the contract allows. At most 10, outermost first. */
export function longLists(desc: DescMessage, message: Message): FieldProblem[] {
  const found: FieldProblem[] = [];
  collect(reflect(desc, message), { path: "", found });
  return found;
}

const foundMax = 10;

function collect(
  message: ReflectMessage,
  { path, found }: { readonly path: string; readonly found: FieldProblem[] },
): void {
  const shape = messageShape(message.desc);
  for (const field of message.fields) {
    if (found.length === foundMax) {
      return;
    }
    if (!message.isSet(field)) {
      continue;
    }
    const at = `${path}${field.name}`;
    const { itemsMax = Number.POSITIVE_INFINITY } = shape.byNumber.get(field.number) ?? {};
    if (field.fieldKind === "message") {
      collect(message.get(field), { path: `${at}.`, found });
    } else if (field.fieldKind === "list" || field.fieldKind === "map") {
      const value = message.get(field);
      if (value.size > itemsMax) {
        const rule = field.fieldKind === "map" ? "map.max_pairs" : "repeated.max_items";
        found.push({
          field: at,
          description: `${tooManyItems({ itemsMax, desc: field }).message}; it has ${value.size}`,
          reason: rule,
        });
      } else if (field.message !== undefined) {
        for (const [key, entry] of value.entries()) {
          collect(entry as ReflectMessage, { path: `${at}[${JSON.stringify(key)}].`, found });
        }
      }
    }
  }
}

/** Whether a message has few enough elements to search it for all violations. */
export function hasFewElements(message: Message): boolean {
  return elementsLeft(message, fewElements) > 0;
}

const fewElements = 1_000;

/** Subtracts the number of a value's elements from `left`. Stops at 0. */
function elementsLeft(value: unknown, left: number): number {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) {
    return left;
  }
  let rest = left - 1;
  for (const each of Array.isArray(value) ? value : Object.values(value)) {
    rest = elementsLeft(each, Array.isArray(value) ? rest - 1 : rest);
    if (rest <= 0) {
      return rest;
    }
  }
  return rest;
}
