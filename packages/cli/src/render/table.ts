import type { Colors } from "../terminal/terminal.ts";
import { cut, widthOf } from "./printable.ts";

export interface Column {
  readonly title: string;
  /** Numbers stand at the right. */
  readonly align?: "left" | "right";
  /** Whether it is cut where the terminal is too narrow. Ids are not, since they are to be copied. */
  readonly elastic?: boolean;
}

export interface TableOptions {
  readonly colors: Colors;
  /** The most that a line may take. Unlimited where a program reads. */
  readonly widthMax?: number;
}

/** The least that is left of a column that is cut. */
const columnWidthMin = 8;
const gap = "  ";

/** A table without lines: titles, then a row to a line. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { colors, widthMax = Number.POSITIVE_INFINITY }: TableOptions,
): readonly string[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(widthOf(title), ...rows.map((row) => widthOf(row[index] ?? ""))),
  );
  shrink(widths, columns, widthMax);
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

/** Takes from the widest elastic column, one place at a time, until the line fits or nothing more can be taken. */
function shrink(widths: number[], columns: readonly Column[], widthMax: number): void {
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
      return;
    }
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess--;
  }
}
