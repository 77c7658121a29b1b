import type { Environment } from "../environment/environment.ts";

/** What is known of a call's trace (W3C Trace Context, level 1). */
export interface Trace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** `00-<trace id>-<this call's span id>-<flags>`: what calls made on its behalf send on. */
  readonly traceparent: string;
}

/**
 * The trace of a call that came in with this `traceparent`: the same trace, and a new span. If it came in with none, or with one
 * that cannot be read, a new trace, not sampled, whose id is that of the request.
 */
export function childTrace(traceparent: string | undefined, environment: Environment): Trace {
  const match = traceparent === undefined ? null : traceparentPattern.exec(traceparent);
  const spanId = newSpanId(environment.random);
  if (match?.[1] === undefined || match[3] === undefined || isZero(match[1]) || isZero(match[2])) {
    const traceId = environment.newId().replaceAll("-", "");
    return { traceId, traceparent: `00-${traceId}-${spanId}-00` };
  }
  return { traceId: match[1], traceparent: `00-${match[1]}-${spanId}-${match[3]}` };
}

/** What a call made on behalf of another sends on: the same trace and flags, a new span (W3C Trace Context, "Mutating the traceparent field"). */
export function childSpan(traceparent: string, { random }: Pick<Environment, "random">): string {
  return `${traceparent.slice(0, 36)}${newSpanId(random)}${traceparent.slice(52)}`;
}

/** Whether a text is the trace context of a call as the platform's own clients write it. */
export function isTraceparent(text: string): boolean {
  return text.length === traceparentChars && traceparentPattern.test(text);
}

/** A version, a trace id, a span id and flags, with dashes between them. */
const traceparentChars = 55;

/** Later versions may add parts at the end, and are read as if they were version 00; version ff is forbidden. */
const traceparentPattern = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;

function isZero(digits: string | undefined): boolean {
  return digits === undefined || /^0+$/.test(digits);
}

function newSpanId(random: () => number): string {
  // The lowest bit is set, since all zeros are no id.
  return hex32(random) + (hex32Value(random) | 1).toString(16).replace("-", "").padStart(8, "0").slice(-8);
}

function hex32(random: () => number): string {
  return hex32Value(random).toString(16).padStart(8, "0");
}

function hex32Value(random: () => number): number {
  return Math.floor(random() * 0x80000000);
}
