import type { Colors } from "../terminal/terminal.ts";
import { cut, widthOf, wrapped } from "./printable.ts";

export interface Column {
  readonly title: string;
  /** Numbers are right-aligned. */
  readonly align?: "left" | "right";
  /** Whether it is truncated in a narrow terminal. Ids are not, so that they can be copied. */
  readonly elastic?: boolean;
}

export interface TableOptions {
  readonly colors: Colors;
  /** The width of a line. Unlimited for programs. */
  readonly widthMax?: number;
}

/** The least width of a truncated column. */
const columnWidthMin = 8;
const gap = "  ";

/**
 * A table without lines: titles, then one line for each row. If it is wider than `widthMax` even with truncated columns, each
 * row becomes a block of names and values instead, without truncation.
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { colors, widthMax = Number.POSITIVE_INFINITY }: TableOptions,
): readonly string[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(widthOf(title), ...rows.map((row) => widthOf(row[index] ?? ""))),
  );
  if (!shrink(widths, columns, widthMax)) {
    return blockLines(columns, rows, { colors, widthMax });
  }
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, index) => {
        const width = widths[index] ?? 0;
        const text = cut(cells[index] ?? "", width);
        const space = " ".repeat(width - widthOf(text));
        return align === "right" ? space + text : text + space;
      })
      .join(gap)
      .trimEnd();
  return [colors.dim(line(columns.map(({ title }) => title))), ...rows.map(line)];
}

/** A row as one line for each name and value, with a blank line before the next row; empty values are omitted. */
function blockLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: TableOptions,
): readonly string[] {
  const nameWidth = Math.max(...columns.map(({ title }) => widthOf(title)));
  return rows.flatMap((row, index) => {
    const fields = columns.map(({ title }, column): [string, string] => [title.padEnd(nameWidth), row[column] ?? ""]);
    const lines = fieldLines(
      fields.filter(([, text]) => text !== ""),
      options,
    );
    return index > 0 ? ["", ...lines] : lines;
  });
}

/** Names and values, one below the other; values wrap between words, aligned with their beginning. */
export function fieldLines(
  fields: readonly (readonly [name: string, text: string])[],
  { colors, widthMax = Number.POSITIVE_INFINITY }: TableOptions,
): readonly string[] {
  const width = Math.max(0, ...fields.map(([name]) => widthOf(name)));
  const indentation = " ".repeat(width) + gap;
  return fields.flatMap(([name, text]) => {
    const [first = "", ...more] = wrapped(text, widthMax - widthOf(indentation));
    return [`${colors.dim(name.padEnd(width))}${gap}${first}`, ...more.map((line) => indentation + line)];
  });
}

/**
 * Narrows the widest elastic column, one character at a time, until the line fits. False if it cannot
 * fit.
 */
function shrink(widths: number[], columns: readonly Column[], widthMax: number): boolean {
  let excess = widths.reduce((sum, width) => sum + width, 0) + gap.length * (widths.length - 1) - widthMax;
  while (excess > 0) {
    let widest = -1;
    for (const [index, width] of widths.entries()) {
      const isElastic = columns[index]?.elastic === true && width > columnWidthMin;
      if (isElastic && (widest < 0 || width > (widths[widest] ?? 0))) {
        widest = index;
      }
    }
    if (widest < 0) {
      return false;
    }
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess--;
  }
  return true;
}
