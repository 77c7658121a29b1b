import type { Environment } from "../environment/environment.ts";
import { writeHex } from "../environment/hex-digits.ts";

/** What is known of a call's trace (W3C Trace Context, level 1). */
export interface Trace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** `00-<trace id>-<this call's span id>-<flags>`: what calls made on its behalf send on. */
  readonly traceparent: string;
}

/**
 * The trace of a call that came in with this `traceparent`: the same trace, and a new span. If it came in with none, or with one
 * that cannot be read, a new trace, not sampled.
 */
export function childTrace(traceparent: string | undefined, environment: Environment): Trace {
  const match = traceparent === undefined ? null : traceparentPattern.exec(traceparent);
  if (match?.[1] === undefined || match[3] === undefined || isZero(match[1]) || isZero(match[2])) {
    writeNewTrace(environment.random);
  } else {
    text.write(`00-${match[1]}-`, "latin1");
    text.write(`-${match[3]}`, spanIdEnd, "latin1");
  }
  return { traceId: text.toString("latin1", 3, 35), traceparent: withNewSpanId(environment.random) };
}

/** What a call made on behalf of another sends on: the same trace and flags, a new span (W3C Trace Context, "Mutating the traceparent field"). */
export function childSpan(traceparent: string, { random }: Pick<Environment, "random">): string {
  text.write(traceparent, "latin1");
  return withNewSpanId(random);
}

function withNewSpanId(random: () => number): string {
  writeHex(text, bits31(random), { at: 36, digits: 8 });
  writeHex(text, bits31(random) | 1, { at: 44, digits: 8 });
  return text.toString("latin1");
}

// Of each id some bit is set, since all zeros are none.
function writeNewTrace(random: () => number): void {
  text.write("00-", "latin1");
  for (let at = 3; at < 35; at += 8) {
    writeHex(text, bits31(random) | 1, { at, digits: 8 });
  }
  text.write("-", 35, "latin1");
  text.write("-00", spanIdEnd, "latin1");
}

function bits31(random: () => number): number {
  return Math.floor(random() * 0x80000000);
}

/** Whether a text is the trace context of a call as the platform's own clients write it. */
export function isTraceparent(text: string): boolean {
  return text.length === traceparentChars && traceparentPattern.test(text);
}

/** A version, a trace id, a span id and flags, with dashes between them. */
const traceparentChars = 55;
const spanIdEnd = 52;
/** Where each one is put together. */
const text = Buffer.alloc(traceparentChars, "0", "latin1");

/** Later versions may add parts at the end, and are read as if they were version 00; version ff is forbidden. */
const traceparentPattern = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;

function isZero(digits: string | undefined): boolean {
  return digits === undefined || /^0+$/.test(digits);
}
