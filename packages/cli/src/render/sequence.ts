import type { Colors } from "../terminal/terminal.ts";
import { cut, printable, widthOf } from "./printable.ts";
import { listLines } from "./sequence-list.ts";
import { margin, ms, type SequenceCall, type SequenceStep, sequenceSteps } from "./sequence-steps.ts";

export interface SequenceOptions {
  readonly colors: Colors;
  /** Draws only this many steps, to show them one after the other. All by default. */
  readonly stepsMax?: number;
  /** The width of a line. Unlimited for programs. */
  readonly widthMax?: number;
}

/** The least distance between two lifelines. */
const gapMin = 12;
/**
 * A sequence diagram: a lifeline for each party, an arrow for each call and each answer, and times at the left. If the terminal
 * is too narrow for the lifelines, the steps are listed instead, indented below their callers.
 */
export function sequenceLines(
  calls: readonly SequenceCall[],
  { colors, stepsMax = Number.POSITIVE_INFINITY, widthMax = Number.POSITIVE_INFINITY }: SequenceOptions,
): readonly string[] {
  const parties = partiesOf(calls);
  const drawn = sequenceSteps(calls).slice(0, stepsMax);
  const columns = [evenColumns(calls, parties), closeColumns(calls, parties)].find(
    (places) => widthOfDrawing(places, parties) <= widthMax,
  );
  if (columns === undefined) {
    return listLines(calls, { steps: drawn, colors, widthMax });
  }
  return [
    heading(parties, columns),
    lifelines(columns),
    ...drawn.map((step) => arrow(step, { parties, columns, colors })),
    lifelines(columns),
  ];
}

/** Lifelines at equal distances, wide enough for the widest step. */
function evenColumns(calls: readonly SequenceCall[], parties: readonly string[]): readonly number[] {
  const gap = gapOf(calls, parties);
  return parties.map((_, index) => margin + index * gap);
}

/** Lifelines as close together as their names and the methods on the arrows between them allow. */
function closeColumns(calls: readonly SequenceCall[], parties: readonly string[]): readonly number[] {
  const columns: number[] = [];
  for (const [index, name] of parties.entries()) {
    const before = parties[index - 1];
    const left = columns[index - 1];
    if (before === undefined || left === undefined) {
      columns.push(margin);
      continue;
    }
    const byNames = left + rightHalf(before) + 1 + leftHalf(name);
    const byArrows = calls.flatMap(({ from, to, method }) => {
      const [first = 0, last] = [parties.indexOf(from), parties.indexOf(to)].sort((one, other) => one - other);
      return last === index ? [(columns[first] ?? 0) + widthOf(method) + 4] : [];
    });
    columns.push(Math.max(byNames, ...byArrows));
  }
  return columns;
}

function widthOfDrawing(columns: readonly number[], parties: readonly string[]): number {
  return (columns.at(-1) ?? 0) + rightHalf(parties.at(-1) ?? "");
}

/** The columns of a name left of its lifeline, and from the lifeline on. */
function leftHalf(name: string): number {
  return Math.floor(widthOf(name) / 2);
}
function rightHalf(name: string): number {
  return Math.ceil(widthOf(name) / 2);
}

function partiesOf(calls: readonly SequenceCall[]): readonly string[] {
  return [...new Set(calls.flatMap(({ from, to }) => [from, to]))];
}

/** Wide enough for every method's name on its arrow. */
function gapOf(calls: readonly SequenceCall[], parties: readonly string[]): number {
  const needed = calls.map(({ from, to, method }) => {
    const span = Math.max(1, Math.abs(parties.indexOf(from) - parties.indexOf(to)));
    return Math.ceil((widthOf(method) + 4) / span);
  });
  const names = parties.map((name) => widthOf(name) + 2);
  return Math.max(gapMin, ...needed, ...names);
}

/** Each name around its lifeline. */
function heading(parties: readonly string[], columns: readonly number[]): string {
  let line = "";
  for (const [index, name] of parties.entries()) {
    const start = (columns[index] ?? 0) - leftHalf(name);
    line = line.padEnd(start) + printable(name);
  }
  return line;
}

function lifelines(columns: readonly number[]): string {
  const cells = Array.from({ length: (columns.at(-1) ?? 0) + 1 }, () => " ");
  for (const column of columns) {
    cells[column] = "│";
  }
  return cells.join("");
}

interface Drawing {
  readonly parties: readonly string[];
  readonly columns: readonly number[];
  readonly colors: Colors;
}

/** `├── CreateOrder ──▶│` one way, `│◀── OK 7.2 ms ──┤` back. */
function arrow({ kind, call, atMs }: SequenceStep, { parties, columns, colors }: Drawing): string {
  const [source, target] = kind === "call" ? [call.from, call.to] : [call.to, call.from];
  const [begin, end] = [columns[parties.indexOf(source)] ?? 0, columns[parties.indexOf(target)] ?? 0];
  const [left, right] = [Math.min(begin, end), Math.max(begin, end)];
  const pointsRight = end > begin;
  const room = right - left - 1;
  const isOk = call.code === "OK";
  const label =
    kind === "call"
      ? call.method
      : cut(fitting([`${call.code} ${ms(call.durationMs)}`, call.code], room - 3), room - 3);
  const rest = room - widthOf(label) - 3;
  const line = kind === "call" ? "─" : "╌";
  const before = line.repeat(Math.max(0, Math.floor(rest / 2)));
  const after = line.repeat(Math.max(0, Math.ceil(rest / 2)));
  const painted = kind === "call" ? colors.cyan(label) : isOk ? colors.green(label) : colors.red(label);
  const shaft = pointsRight ? `${before} ${painted} ${after}▶` : `◀${before} ${painted} ${after}`;
  const frame = [...lifelines(columns)];
  const time = colors.dim(ms(atMs).padStart(margin - 2));
  return [
    time,
    frame.slice(margin - 2, left).join(""),
    pointsRight ? "├" : "│",
    shaft,
    pointsRight ? "│" : "┤",
    frame.slice(right + 1).join(""),
  ].join("");
}

/** The first text that fits, or the last. */
function fitting(texts: readonly string[], width: number): string {
  return texts.find((text) => widthOf(text) <= width) ?? texts.at(-1) ?? "";
}
