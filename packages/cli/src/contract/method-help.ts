import type { DescField, DescMethod } from "@bufbuild/protobuf";
import { commentOf, constraintsOf, isOneofRequired, rulesOf } from "@parley/contract";
import type { Parameter } from "./parameters.ts";

/** The first sentence of a method's comment. */
export function summaryOf(method: DescMethod): string {
  const comment = commentOf(method);
  return /^.*?\.(?=\s|$)/s.exec(comment)?.[0] ?? comment;
}

/** A field's comment, whether it is required, and its limits unless the comment contains them. */
export function parameterHelp(parameter: Parameter): string {
  const field = parameter.path.at(-1);
  if (field === undefined) {
    return "";
  }
  const comment = commentOf(field);
  const notes = [
    ...(isNeeded(parameter) ? ["required"] : []),
    ...(parameter.kind === "list" || parameter.kind === "pairs" ? ["may be repeated"] : []),
    ...(field.oneof === undefined ? [] : [oneofNote(field)]),
    ...(parameter.generated ? ["default: a new one"] : []),
    ...(parameter.kind === "mask" ? ["default: the fields given"] : []),
    ...limitNotes(field, comment),
  ];
  return notes.length === 0 ? comment : `${comment} (${notes.join("; ")})`;
}

function isNeeded({ required, generated }: Parameter): boolean {
  return required && !generated;
}

function oneofNote({ oneof }: DescField): string {
  const others = (oneof?.fields ?? []).map(({ name }) => `--${name.replaceAll("_", "-")}`).join(" or ");
  return oneof !== undefined && isOneofRequired(oneof) ? `required: ${others}` : `one of ${others}`;
}

/** The limits of the contract's rules, unless the comment contains the number. */
function limitNotes(field: DescField, comment: string): readonly string[] {
  const limits = constraintsOf(rulesOf(field));
  const told = (value: unknown) => typeof value !== "number" || comment.includes(value.toLocaleString("en-US"));
  const note = (name: string, words: (value: string) => string) => {
    const value = limits[name];
    return told(value) ? [] : [words(Number(value).toLocaleString("en-US"))];
  };
  return [
    ...(limits.minLength === 1 ? [] : note("minLength", (value) => `at least ${value} characters`)),
    ...note("maxLength", (value) => `at most ${value} characters`),
    ...(limits.minimum === 0 ? [] : note("minimum", (value) => `at least ${value}`)),
    ...note("maximum", (value) => `at most ${value}`),
    ...(limits.minItems === 1 ? [] : note("minItems", (value) => `at least ${value}`)),
    ...note("maxItems", (value) => `at most ${value} of them`),
  ];
}
