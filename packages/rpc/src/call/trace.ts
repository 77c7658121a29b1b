import type { Environment } from "../environment/environment.ts";
import { type Place, writeHex } from "../environment/hex-digits.ts";

/** A call's trace (W3C Trace Context, level 1). */
export interface Trace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** `00-<trace id>-<this call's span id>-<flags>`: the parent of calls made on its behalf. */
  readonly traceparent: string;
}

/**
 * The trace of a call with this `traceparent`: the same trace, and a new span. Without one, or with an
 * invalid one, a new trace, not sampled.
 */
export function childTrace(
  traceparent: string | undefined,
  environment: Pick<Environment, "random" | "recorder">,
): Trace {
  const match = traceparent === undefined ? null : traceparentPattern.exec(traceparent);
  if (match?.[1] === undefined || match[3] === undefined || isZero(match[1]) || isZero(match[2])) {
    writeNewId(environment.random, traceIdPlace);
    const traceId = text.toString("latin1", traceIdPlace.at, traceIdPlace.at + traceIdPlace.digits);
    writeFlags(environment.recorder?.flags(traceId, undefined) ?? "00");
    return { traceId, traceparent: withNewSpanId(environment.random) };
  }
  const traceId = match[1];
  text.write(traceId, traceIdPlace.at, "latin1");
  writeFlags(environment.recorder?.flags(traceId, match[3]) ?? match[3]);
  return { traceId, traceparent: withNewSpanId(environment.random) };
}

function writeFlags(flags: string): void {
  text[flagsAt] = flags.charCodeAt(0);
  text[flagsAt + 1] = flags.charCodeAt(1);
}

/**
 * The `traceparent` of a call made on behalf of one with a {@link Trace}: the same trace and flags, a new span (W3C Trace Context, "Mutating the
 * traceparent field").
 */
export function childSpan(traceparent: string, { random }: Pick<Environment, "random">): string {
  text.write(traceparent, "latin1");
  return withNewSpanId(random);
}

function withNewSpanId(random: () => number): string {
  writeNewId(random, spanIdPlace);
  return text.toString("latin1");
}

/** Writes random digits, eight at a time. The last bit is set, since an id must not be all zeros. */
function writeNewId(random: () => number, { at, digits }: Place): void {
  const last = at + digits - 8;
  for (let place = at; place <= last; place += 8) {
    const bits = Math.floor(random() * 0x100000000);
    writeHex(text, place === last ? bits | 1 : bits, { at: place, digits: 8 });
  }
}

/** Whether a text is a trace context in the form of the platform's own clients. */
export function isTraceparent(text: string): boolean {
  return text.length === traceparentChars && traceparentPattern.test(text);
}

/** A version, a trace id, a span id and flags, with dashes between them. */
const traceparentChars = 55;
const traceIdPlace: Place = { at: 3, digits: 32 };
const spanIdPlace: Place = { at: 36, digits: 16 };
const flagsAt = 53;
/** The buffer of a `traceparent` of version 00. */
const text = Buffer.from(`00-${"0".repeat(32)}-${"0".repeat(16)}-00`, "latin1");

/** Later versions may add parts at the end, and are parsed as version 00; version ff is forbidden. */
const traceparentPattern = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;

function isZero(digits: string | undefined): boolean {
  return digits === undefined || /^0+$/.test(digits);
}
