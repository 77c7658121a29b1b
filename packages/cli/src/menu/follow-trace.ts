import { readContracts } from "../contract/contracts.ts";
import { summaryOf } from "../contract/method-help.ts";
import { wrapped } from "../render/printable.ts";
import { sequenceLines } from "../render/sequence.ts";
import { ms, type SequenceCall, type SequenceStep, sequenceSteps } from "../render/sequence-steps.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { CollectedTrace } from "../trace/collect-trace.ts";
import { pick } from "./pick.ts";

/** Shows the calls of a trace as a sequence diagram, a step at a time or all at once. */
export async function followTrace({ calls, silent }: CollectedTrace, terminal: Terminal): Promise<void> {
  for (const line of silent) {
    terminal.say(terminal.colors.yellow(`Not shown: ${line}.`));
  }
  const steps = sequenceSteps(calls);
  if (steps.length === 0) {
    terminal.say("No service has recorded a call of this trace.");
    return;
  }
  let shown = 0;
  let chosen = await pick("How the services talked about it", [
    { name: "Step by step", value: "next" },
    { name: "All at once", value: "all" },
    { name: "Back", value: "back" },
  ]);
  while (chosen !== "back") {
    shown = chosen === "all" ? steps.length : shown + 1;
    draw(calls, { steps, shown, terminal });
    if (shown >= steps.length) {
      return;
    }
    chosen = await pick(`Step ${shown} of ${steps.length}`, [
      { name: "Next", value: "next" },
      { name: "All that is left", value: "all" },
      { name: "Back", value: "back" },
    ]);
  }
}

interface Drawn {
  readonly steps: readonly SequenceStep[];
  readonly shown: number;
  readonly terminal: Terminal;
}

function draw(calls: readonly SequenceCall[], { steps, shown, terminal }: Drawn): void {
  terminal.say();
  for (const line of sequenceLines(calls, { colors: terminal.colors, stepsMax: shown, widthMax: terminal.width })) {
    terminal.say(line);
  }
  terminal.say();
  const step = steps[shown - 1];
  if (shown < steps.length && step !== undefined) {
    for (const line of wrapped(stepInWords(step), terminal.width)) {
      terminal.say(line);
    }
    terminal.say();
  } else {
    terminal.say(`${calls.length} calls. Times count from the first service's receipt of the call.`);
    terminal.say();
  }
}

/** The description of a step: a method's comment for a call, the outcome for a response. */
export function stepInWords({ kind, call, atMs }: SequenceStep): string {
  const { from, to, service, method, code, durationMs } = call;
  if (kind === "answer") {
    return `At ${ms(atMs)} ${to} answers ${from} after ${ms(durationMs)}: ${code}.`;
  }
  const desc = readContracts()
    .getService(service)
    ?.methods.find(({ name }) => name === method);
  return `At ${ms(atMs)} ${from} ${from === "you" ? "call" : "calls"} ${to}: ${service}/${method}. ${desc === undefined ? "" : summaryOf(desc)}`.trim();
}
