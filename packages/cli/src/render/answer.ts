import type { DescField } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { fieldText, isNumeric } from "./field-text.ts";
import { fieldLines, type TableOptions, tableLines } from "./table.ts";

/** Fields for programs only, or too long for a line. */
const notInTables = new Set(["etag", "revision", "update_time", "body", "state_reason"]);

/** The name of the page token (AIP-158). */
const nextPageToken = "next_page_token";

/**
 * A response as text: its single resource as names and values, its list as a table, and the option for the next page.
 */
export function answerLines(answer: ReflectMessage, options: TableOptions): readonly string[] {
  const fields = answer.fields.filter(({ name }) => name !== nextPageToken);
  const [only, more] = fields;
  const lines =
    only?.fieldKind === "message" && more === undefined && answer.isSet(only)
      ? recordLines(answer.get(only), options)
      : recordLines(answer, options);
  const token = answer.fields.find(({ name }) => name === nextPageToken);
  const page = token === undefined ? "" : fieldText(answer, token);
  return [
    ...(lines.length === 0 ? ["Done."] : lines),
    ...(page === "" ? [] : ["", options.colors.dim(`More: --page-token ${page}`)]),
  ];
}

/** A message: a line for each set field, then a table for each list of messages. */
export function recordLines(message: ReflectMessage, options: TableOptions): readonly string[] {
  const plain: [string, string][] = [];
  const tables: string[] = [];
  const fields = message.fields.filter(({ name }) => name !== nextPageToken);
  for (const field of fields) {
    if (field.fieldKind === "list" && field.listKind === "message") {
      const rows = [...message.get(field)] as ReflectMessage[];
      const isAlone = fields.length === 1;
      if (rows.length > 0) {
        tables.push(...(isAlone ? [] : ["", options.colors.dim(words(field))]), ...listLines(rows, options));
      } else if (isAlone) {
        tables.push(options.colors.dim(`No ${words(field)}.`));
      }
    } else {
      const text = fieldText(message, field);
      if (text !== "") {
        plain.push([words(field), text]);
      }
    }
  }
  return [...fieldLines(plain, options), ...tables];
}

/** Messages of one kind as a table, without columns that are empty in every row. */
function listLines(rows: readonly ReflectMessage[], options: TableOptions): readonly string[] {
  const fields = (rows[0]?.fields ?? []).filter(
    (field) => !notInTables.has(field.name) && rows.some((row) => fieldText(row, field) !== ""),
  );
  const columns = fields.map((field) => ({
    title: words(field),
    align: isNumeric(field) || field.fieldKind === "list" ? ("right" as const) : ("left" as const),
    elastic: field.fieldKind === "scalar" && !isId(field),
  }));
  return tableLines(
    columns,
    rows.map((row) => fields.map((field) => fieldText(row, field))),
    options,
  );
}

function isId({ name }: DescField): boolean {
  return name === "id" || name.endsWith("_id");
}

function words({ name }: DescField): string {
  return name.replaceAll("_", " ");
}
