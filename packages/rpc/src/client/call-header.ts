import type { CallContext } from "../call/call-context.ts";
import type { Environment } from "../environment/environment.ts";

/** Request metadata as the transports hand it on: cheap to extend, accepted wherever a `HeadersInit` is. */
export type HeaderPairs = [name: string, value: string][];

/** What Connect accepts as metadata (`HeadersInit`, which Node's types do not name). */
export type MetadataInit = Headers | HeaderPairs | Record<string, string>;

/**
 * The caller's own metadata, and what the incoming call hands on: its request id, its trace with a new span, and who calls.
 * What the caller set itself wins.
 */
export function callHeader(
  header: MetadataInit | undefined,
  context: CallContext | undefined,
  environment: Environment,
): HeaderPairs | undefined {
  if (context === undefined) {
    return header === undefined ? undefined : headerPairs(header);
  }
  const pairs: HeaderPairs = header === undefined ? [] : headerPairs(header);
  const ownCount = pairs.length;
  add(pairs, ownCount, "x-request-id", context.requestId);
  add(pairs, ownCount, "traceparent", childSpan(context.traceparent, environment));
  if (context.tracestate !== undefined) {
    add(pairs, ownCount, "tracestate", context.tracestate);
  }
  if (context.caller?.token !== undefined) {
    add(pairs, ownCount, "authorization", `Bearer ${context.caller.token}`);
  }
  return pairs;
}

/** A copy of the metadata as pairs, names in lower case. */
export function headerPairs(header: MetadataInit): HeaderPairs {
  if (Array.isArray(header)) {
    return header.map(([name = "", value = ""]) => [name.toLowerCase(), value]);
  }
  if (header instanceof Headers) {
    return [...header];
  }
  return [...new Headers(header)];
}

function add(pairs: HeaderPairs, ownCount: number, name: string, value: string): void {
  for (let index = 0; index < ownCount; index++) {
    if (pairs[index]?.[0] === name) {
      return;
    }
  }
  pairs.push([name, value]);
}

/** W3C Trace Context, "Mutating the traceparent field": the same trace and flags, a new parent id that is not all zeros. */
function childSpan(traceparent: string, environment: Environment): string {
  return `${traceparent.slice(0, 36)}${hex32(environment.random(), 1)}${hex32(environment.random(), 0)}${traceparent.slice(52)}`;
}

function hex32(random: number, least: number): string {
  return (least + Math.floor(random * (0x1_0000_0000 - least))).toString(16).padStart(8, "0");
}
