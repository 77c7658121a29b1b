import type { DescField, Message } from "@bufbuild/protobuf";
import type { Path } from "@bufbuild/protobuf/reflect";
import { pathToString } from "@bufbuild/protobuf/reflect";
import type { Violation } from "@bufbuild/protovalidate";
import { emailExample, fieldSentence, nearestName, quoteShortly, rulesOf, uuidExample } from "@parley/contract";
import type { FieldProblem } from "../../../call/reason-error.ts";

/** Describes a violated rule of the contract: the field by its protobuf name, the allowed values, and the given value. */
export function violationProblem(violation: Violation, message: Message): FieldProblem {
  const { ruleId: reason } = violation;
  const last = violation.field.at(-1);
  if (last?.kind === "oneof") {
    // Named by the oneof's first field, since JSON does not have the oneof's name.
    const above = pathToString(violation.field.slice(0, -1));
    const names = last.fields.map(({ name }) => (above === "" ? name : `${above}.${name}`));
    return { field: names[0] ?? above, description: eitherOf(names), reason };
  }
  const field = pathToString(violation.field);
  return { field, description: describe(violation, valueAt(message, violation.field)), reason };
}

/** A problem as a sentence. */
export function problemSentence({ field, description }: FieldProblem): string {
  return fieldSentence(description.startsWith(either) ? "" : field, description);
}

const either = "set either ";

/** "set either `stock` or `delta`" */
function eitherOf(names: readonly string[]): string {
  const quoted = names.map((name) => `\`${name}\``);
  return quoted.length === 1 ? required : `${either}${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}

function describe({ ruleId, message, field: path }: Violation, value: unknown): string {
  const field = path.findLast((part): part is DescField => part.kind === "field");
  const [kind = "", rule = ""] = ruleId.split(".");
  if (ruleId === "required") {
    return required;
  }
  if (field === undefined) {
    return message;
  }
  const isElement = path.at(-1) !== field;
  switch (kind) {
    case "string":
      return textWords(rule, field, { text: String(value ?? ""), isElement }) ?? message;
    case "int32":
      return numberWords(field, value) ?? message;
    case "repeated":
      return listWords(rule, field, Array.isArray(value) ? value.length : 0) ?? message;
    case "enum":
      return `must be one of ${field.enum?.values.map(({ name }) => name).join(", ")}; it is ${value}`;
    case "field_mask":
      return maskWords(field, value) ?? message;
    default:
      // A CEL rule: the contract has its message.
      return message;
  }
}

const required = "is required";

interface GivenText {
  readonly text: string;
  /** Whether it is an element of a list. */
  readonly isElement: boolean;
}

function textWords(rule: string, field: DescField, { text, isElement }: GivenText): string | undefined {
  const given = rulesOf(field);
  const type = isElement && given?.type.case === "repeated" ? given.type.value.items?.type : given?.type;
  const rules = type?.case === "string" ? type.value : undefined;
  // Code points, as protovalidate counts.
  const length = [...text].length;
  switch (rule) {
    case "min_len":
      return length === 0
        ? isElement
          ? "must not be empty"
          : required
        : `must have at least ${rules?.minLen} characters; it has ${length}`;
    case "max_len":
      return `must have at most ${rules?.maxLen} characters; it has ${length}`;
    case "email":
    case "email_empty":
      return length === 0 ? required : `must be an e-mail address, such as ${emailExample}`;
    case "uuid":
    case "uuid_empty":
      return length === 0 ? required : `must be a UUID, such as ${uuidExample}`;
    case "in":
      return `must be one of ${rules?.in.join(", ")}`;
    case "pattern":
      return rules === undefined ? undefined : patternWords(rules.pattern, text);
    default:
      return undefined;
  }
}

/** For a pattern that is a set of characters, names the first character that is not in the set. */
function patternWords(pattern: string, text: string): string {
  const matches = new RegExp(pattern, "u");
  const index = [...text].findIndex((character) => !matches.test(character));
  const character = [...text][index];
  if (character === undefined) {
    return `must match the pattern ${pattern}`;
  }
  const code = character.codePointAt(0) ?? 0;
  const isControl = code < 0x20 || code === 0x7f;
  const name = isControl
    ? `control character U+${code.toString(16).toUpperCase().padStart(4, "0")}`
    : `character ${quoteShortly(character)}`;
  return `must not contain the ${name}; it does at character ${index + 1}`;
}

function numberWords(field: DescField, value: unknown): string | undefined {
  const type = rulesOf(field)?.type;
  if (type?.case !== "int32") {
    return undefined;
  }
  const { greaterThan, lessThan } = type.value;
  const least = greaterThan.case === "gte" ? greaterThan.value : undefined;
  const most = lessThan.case === "lte" ? lessThan.value : undefined;
  const range =
    least !== undefined && most !== undefined
      ? `from ${least} to ${most}`
      : least !== undefined
        ? `at least ${least}`
        : most !== undefined
          ? `at most ${most}`
          : undefined;
  return range === undefined ? undefined : `must be ${range}; it is ${value === 0 ? "0 or missing" : value}`;
}

function listWords(rule: string, field: DescField, length: number): string | undefined {
  const type = rulesOf(field)?.type;
  if (type?.case !== "repeated") {
    return undefined;
  }
  switch (rule) {
    case "min_items":
      return length === 0 ? required : `must have at least ${type.value.minItems} items; it has ${length}`;
    case "max_items":
      return `must have at most ${type.value.maxItems} items; it has ${length}`;
    case "unique":
      return "must not have the same item twice";
    default:
      return undefined;
  }
}

function maskWords(field: DescField, value: unknown): string | undefined {
  const type = rulesOf(field)?.type;
  if (type?.case !== "fieldMask") {
    return undefined;
  }
  const allowed = type.value.in;
  const paths = (value as { readonly paths?: readonly string[] } | undefined)?.paths ?? [];
  const wrong = paths.find((path) => !allowed.some((each) => path === each || path.startsWith(`${each}.`))) ?? "";
  const nearest = nearestName(wrong, allowed);
  const hint = nearest === undefined ? "" : `; did you mean \`${nearest}\`?`;
  return `may name ${allowed.map((path) => `\`${path}\``).join(", ")}; it names ${quoteShortly(wrong)}${hint}`;
}

/** The value at a path. Undefined if there is none. */
function valueAt(message: Message, path: Path): unknown {
  let value: unknown = message;
  for (const part of path) {
    if (value === undefined || value === null) {
      return undefined;
    }
    value = step(value, part);
  }
  return value;
}

function step(value: unknown, part: Path[number]): unknown {
  switch (part.kind) {
    case "field": {
      const holder = value as Record<string, unknown>;
      if (part.oneof === undefined) {
        return holder[part.localName];
      }
      const set = holder[part.oneof.localName] as { readonly case?: string; readonly value?: unknown } | undefined;
      return set?.case === part.localName ? set.value : undefined;
    }
    case "list_sub":
      return (value as readonly unknown[])[part.index];
    case "map_sub":
      return (value as Record<string, unknown>)[String(part.key)];
    default:
      return undefined;
  }
}
