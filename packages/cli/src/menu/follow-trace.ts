import { ConnectError } from "@connectrpc/connect";
import { type Call, SpanKind } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { readContracts } from "../contract/contracts.ts";
import { summaryOf } from "../contract/method-help.ts";
import { printable, wrapped } from "../render/printable.ts";
import { sequenceLines } from "../render/sequence.ts";
import { ms, type SequenceCall, type SequenceStep, sequenceSteps } from "../render/sequence-steps.ts";
import { type AskedTrace, askTrace } from "../telemetry/ask-trace.ts";
import { traceSequence } from "../telemetry/trace-sequence.ts";
import { withProgress } from "../terminal/progress.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { MenuOptions } from "./menu-options.ts";
import { pick } from "./pick.ts";

export interface FollowOptions extends MenuOptions {
  /** Whether every expected call of the trace is included. */
  readonly isWhole: (calls: readonly Call[]) => boolean;
}

/** How long to wait for the calls of a trace, in milliseconds. An order's notification normally follows within a second. */
const waitMaxMs = 3_000;

/** Asks for the calls of a trace and shows them as a sequence diagram, a step at a time or all at once. */
export async function followTrace(traceId: string, options: FollowOptions): Promise<void> {
  const { terminal, isWhole, telemetry: view } = options;
  const asking = askTrace(traceId, { view, payloads: false, waitMaxMs, isWhole }).catch(refused);
  const { calls: spans, silent } = await withProgress(terminal, () => "Reading the calls from the services", asking);
  for (const line of silent) {
    terminal.say(terminal.colors.yellow(`Not shown: ${printable(line)}`));
  }
  const calls = traceSequence(spans);
  const steps = sequenceSteps(calls);
  if (steps.length === 0) {
    terminal.say("No service has recorded a call of this trace.");
    return;
  }
  let shown = 0;
  let chosen = await pick("Show the calls between the services", [
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
      { name: "All remaining steps", value: "all" },
      { name: "Back", value: "back" },
    ]);
  }
}

/** Whether the first call is included: the gateway records it after its response. */
export function isAnswered(calls: readonly Call[], { gatewayUrl }: MenuOptions): boolean {
  return gatewayUrl === undefined || calls.some(({ kind, to }) => kind === SpanKind.SERVER && to === "gateway");
}

/** With AUTH=required only admins may read calls. The menu's own call has succeeded. */
function refused(error: unknown): AskedTrace {
  if (!(error instanceof ConnectError)) {
    throw error;
  }
  return { calls: [], truncated: false, silent: [error.message] };
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
    terminal.say(`${calls.length} hops. Times count from the first service's receipt of the call.`);
    terminal.say();
  }
}

/** The description of a step: a method's comment for a call, the outcome for a response. */
export function stepInWords({ kind, call, atMs }: SequenceStep): string {
  const { from, to, service, method, code, durationMs, carries = "call" } = call;
  const at = `At ${ms(atMs)}`;
  if (kind === "answer") {
    return carries === "call"
      ? `${at} ${to} answers ${from} after ${ms(durationMs)}: ${code}.`
      : `${at} ${carries === "mail" ? from : to} has handled the ${carries} after ${ms(durationMs)}: ${code}.`;
  }
  if (carries !== "call") {
    return carries === "mail"
      ? `${at} ${from} sends a mail by ${to}. No caller waits for it.`
      : `${at} the event ${method} of ${from} takes effect in ${to}. No caller waits for it.`;
  }
  const desc = readContracts()
    .getService(service)
    ?.methods.find(({ name }) => name === method);
  return `${at} ${from} ${from === "you" ? "call" : "calls"} ${to}: ${service}/${method}. ${desc === undefined ? "" : summaryOf(desc)}`.trim();
}
