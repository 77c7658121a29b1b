import type { Colors } from "../terminal/terminal.ts";
import { printable, wrapped } from "./printable.ts";
import { margin, ms, type SequenceCall, type SequenceStep } from "./sequence-steps.ts";

export interface Listing {
  readonly steps: readonly SequenceStep[];
  readonly colors: Colors;
  readonly widthMax: number;
}

/** `0.4 ms    gateway → order  CreateOrder`, and `gateway ← order  OK 7.2 ms` for its answer. */
export function listLines(calls: readonly SequenceCall[], { steps, colors, widthMax }: Listing): readonly string[] {
  return steps.flatMap(({ kind, call, atMs }) => {
    const indentation = " ".repeat(margin + 2 * depthOf(call, calls));
    const parties = `${printable(call.from)} ${kind === "call" ? "→" : "←"} ${printable(call.to)}`;
    const what = kind === "call" ? call.method : `${call.code} ${ms(call.durationMs)}`;
    const paint = kind === "call" ? colors.cyan : call.code === "OK" ? colors.green : colors.red;
    const [first = "", ...more] = wrapped(`${parties}  ${what}`, widthMax - indentation.length);
    const time = ms(atMs).padStart(margin - 2);
    return [
      `${colors.dim(time)}${indentation.slice(time.length)}${first.replace(what, paint(what))}`,
      ...more.map((line) => indentation + paint(line)),
    ];
  });
}

/** The nesting depth of a call. */
function depthOf(call: SequenceCall, calls: readonly SequenceCall[]): number {
  const parent = calls.findLast((other) => other !== call && other.to === call.from && other.startMs <= call.startMs);
  const isCircle = parent === undefined || calls.indexOf(parent) >= calls.indexOf(call);
  return isCircle ? 0 : 1 + depthOf(parent, calls);
}
