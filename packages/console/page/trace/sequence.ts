import { type Call, SpanKind } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { codeText } from "../calls/call-filter.ts";
import { isAsync, isFailed, latencyMs, startMs } from "../live/call.ts";
import { durationText } from "../parts/format.ts";
import { causalTimes } from "./causal-times.ts";

/** One arrow of a sequence diagram. */
export interface Step {
  readonly key: string;
  readonly from: string;
  readonly to: string;
  readonly label: string;
  /** `call` and its `return`, or an `event`, which is asynchronous. */
  readonly kind: "call" | "return" | "event";
  readonly failed: boolean;
  /** Whether it is part of asynchronous processing after the response. */
  readonly async: boolean;
  readonly atMs: number;
  readonly call: Call;
}

/** A trace as a sequence diagram. */
export interface Sequence {
  readonly participants: readonly string[];
  readonly steps: readonly Step[];
  readonly beganMs: number;
}

export interface SequenceOptions {
  /** Whether database transactions are steps too. */
  readonly database: boolean;
}

/** Orders the spans of a trace: each call once, from the client's span if it is known, and its response. */
export function sequenceOf(calls: readonly Call[], { database }: SequenceOptions): Sequence {
  const spans = calls.filter((call) => isStep(call, calls, database));
  const later = asyncSpans(calls);
  const times = causalTimes(calls);
  const steps = spans.flatMap((call) =>
    stepsOf(call, { async: later.has(call.spanId) || isAsync(call), beganMs: times.get(call) ?? startMs(call) }),
  );
  steps.sort(
    (one, other) => Number(one.async) - Number(other.async) || one.atMs - other.atMs || order(one) - order(other),
  );
  const participants = [...new Set(steps.flatMap(({ from, to }) => [from, to]))];
  return { participants, steps, beganMs: Math.min(...steps.map(({ atMs }) => atMs)) };
}

function isStep(call: Call, calls: readonly Call[], database: boolean): boolean {
  if (call.service === eventService && !isFailed(call) && calls.some(({ kind }) => kind === SpanKind.EVENT_CONSUME)) {
    // The delivered events are steps themselves.
    return false;
  }
  switch (call.kind) {
    case SpanKind.CLIENT:
      // If its attempts were recorded, they are shown instead.
      return !calls.some(({ kind, parentSpanId }) => kind === SpanKind.ATTEMPT && parentSpanId === call.spanId);
    case SpanKind.SERVER:
      return !calls.some(
        ({ kind, spanId }) => (kind === SpanKind.CLIENT || kind === SpanKind.ATTEMPT) && spanId === call.parentSpanId,
      );
    case SpanKind.DATABASE:
      return database;
    case SpanKind.EVENT_PUBLISH:
      // The consumer span is shown. Until it is known, the producer span is.
      return !calls.some(({ kind, method }) => kind === SpanKind.EVENT_CONSUME && method === call.method);
    case SpanKind.BATCHED:
    case SpanKind.UNSPECIFIED:
      return false;
    default:
      return true;
  }
}

/** The asynchronous spans and their descendants. */
function asyncSpans(calls: readonly Call[]): ReadonlySet<string> {
  const byId = new Map(calls.map((call) => [call.spanId, call]));
  const found = new Set<string>();
  for (const call of calls) {
    const path: string[] = [];
    for (
      let span: Call | undefined = call;
      span !== undefined && path.length < 64;
      span = byId.get(span.parentSpanId)
    ) {
      if (isAsync(span) || found.has(span.spanId)) {
        for (const id of [call.spanId, ...path]) {
          found.add(id);
        }
        break;
      }
      path.push(span.spanId);
    }
  }
  return found;
}

function stepsOf(
  call: Call,
  { async, beganMs }: { readonly async: boolean; readonly beganMs: number },
): readonly Step[] {
  const { from, method, attempt } = call;
  const isMail = call.kind === SpanKind.MAIL;
  // A mail server is not a process of the platform.
  const to = isMail ? from : call.to || from;
  const failed = isFailed(call);
  const shared = { call, failed, async };
  const key = `${call.kind}:${call.spanId}`;
  if (isAsync(call)) {
    const name = isMail ? `mail by ${call.to}` : shortEvent(method);
    const label = failed ? `${name} (${codeText(call)})` : name;
    return [{ ...shared, key, from, to, label, kind: "event", atMs: beganMs }];
  }
  const label = attempt > 1 ? `${method} (attempt ${attempt})` : method;
  const endedMs = beganMs + latencyMs(call);
  const answer = `${codeText(call)} · ${durationText(latencyMs(call))}`;
  return [
    { ...shared, key, from, to, label, kind: "call", failed: false, atMs: beganMs },
    { ...shared, key: `${key}:end`, from: to, to: from, label: answer, kind: "return", atMs: endedMs },
  ];
}

/** The service that delivers events. */
const eventService = "event.v1.EventService";

/** `order.confirmed` for `parley.order.confirmed.v1`. */
function shortEvent(type: string): string {
  return type.replace(/^parley\./, "").replace(/\.v\d+$/, "");
}

function order({ kind }: Step): number {
  return kind === "return" ? 1 : 0;
}

/** The diagram in Mermaid syntax, which many wikis and editors render. */
export function mermaidOf({ participants, steps }: Sequence): string {
  const names = new Map(participants.map((name, index) => [name, `p${index}`]));
  const safe = (text: string) => text.replaceAll(/[;#\n\r]/g, " ");
  const arrows = { call: "->>", return: "-->>", event: "--)" } as const;
  const lines = steps.map(({ from, to, kind, label, failed }) => {
    const arrow = failed && kind === "return" ? "--x" : arrows[kind];
    return `  ${names.get(from)}${arrow}${names.get(to)}: ${safe(label)}`;
  });
  const firstAsync = steps.findIndex(({ async }) => async);
  if (firstAsync > 0) {
    lines.splice(firstAsync, 0, `  Note over ${[...names.values()].join(",").replace(/,.*,/, ",")}: asynchronous`);
  }
  return [
    "sequenceDiagram",
    ...participants.map((name) => `  participant ${names.get(name)} as ${safe(name)}`),
    ...lines,
    "",
  ].join("\n");
}
