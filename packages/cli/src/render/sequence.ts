import type { Colors } from "../terminal/terminal.ts";
import { cut, printable, widthOf } from "./printable.ts";

/** A call between two parties, on a scale that begins with the first call. */
export interface SequenceCall {
  readonly from: string;
  readonly to: string;
  /** The contract, for example `order.v1.OrderService`. */
  readonly service: string;
  readonly method: string;
  readonly startMs: number;
  readonly durationMs: number;
  /** The gRPC status, for example `OK`. */
  readonly code: string;
}

/** A call goes out, or its answer comes back. */
export interface SequenceStep {
  readonly kind: "call" | "answer";
  readonly call: SequenceCall;
  readonly atMs: number;
}

export interface SequenceOptions {
  readonly colors: Colors;
  /** Draws only so many steps, as when they are shown one after the other. All by default. */
  readonly stepsMax?: number;
}

/** Where the first lifeline stands: times are left of it. */
const margin = 10;
/** The least between two lifelines. */
const gapMin = 12;
/** More steps than this would not be read. */
const stepsDrawnMax = 100;

/** What happened one after the other: calls and their answers, each answer after those of the calls that it waited for. */
export function sequenceSteps(calls: readonly SequenceCall[]): readonly SequenceStep[] {
  return calls
    .flatMap((call): SequenceStep[] => [
      { kind: "call", call, atMs: call.startMs },
      { kind: "answer", call, atMs: call.startMs + call.durationMs },
    ])
    .sort((one, other) => one.atMs - other.atMs)
    .slice(0, stepsDrawnMax);
}

/** A sequence diagram: a lifeline for each party, an arrow for each call and each answer, and times at the left. */
export function sequenceLines(
  calls: readonly SequenceCall[],
  { colors, stepsMax = Number.POSITIVE_INFINITY }: SequenceOptions,
): readonly string[] {
  const parties = partiesOf(calls);
  const gap = gapOf(calls, parties);
  const columns = parties.map((_, index) => margin + index * gap);
  const drawn = sequenceSteps(calls).slice(0, stepsMax);
  return [
    heading(parties, columns),
    lifelines(columns),
    ...drawn.map((step) => arrow(step, { parties, columns, colors })),
    lifelines(columns),
  ];
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
    const start = (columns[index] ?? 0) - Math.floor(widthOf(name) / 2);
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

/** The first of the texts that fits, or the last. */
function fitting(texts: readonly string[], width: number): string {
  return texts.find((text) => widthOf(text) <= width) ?? texts.at(-1) ?? "";
}

/** Milliseconds, as precisely as a person can use them. */
export function ms(value: number): string {
  return `${value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en-US")} ms`;
}
