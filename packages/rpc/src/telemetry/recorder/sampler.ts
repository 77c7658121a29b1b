/** Decides at the start of a trace, or of this process's part of it, whether it is exported. */
export interface Sampler {
  /** @param parent whether the caller's span is sampled; undefined for a root span */
  isSampled(traceId: string, parent: boolean | undefined): boolean;
}

/** The values of `OTEL_TRACES_SAMPLER` (OpenTelemetry, "General SDK Configuration"). */
export const samplerNames = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;
export type SamplerName = (typeof samplerNames)[number];

/** Creates a sampler by its OpenTelemetry name. `ratio`, from 0 to 1, applies to those that end in `traceidratio`. */
export function createSampler(name: SamplerName, ratio: number): Sampler {
  const root = name.replace("parentbased_", "");
  const ofTrace = root === "always_on" ? () => true : root === "always_off" ? () => false : isBelow(ratio);
  return name.startsWith("parentbased_")
    ? { isSampled: (traceId, parent) => parent ?? ofTrace(traceId) }
    : { isSampled: (traceId) => ofTrace(traceId) };
}

/** The last 52 bits of a trace id: they fit into a number. They are random (W3C Trace Context Level 2, section 3.2.2.3.1). */
const digits = 13;

/** Depends only on the trace id, so that all processes with this ratio decide alike. */
function isBelow(ratio: number): (traceId: string) => boolean {
  if (ratio >= 1) {
    return () => true;
  }
  // Digits of equal length are ordered as their numbers are.
  const limit = Math.ceil(ratio * 2 ** (digits * 4))
    .toString(16)
    .padStart(digits, "0");
  return (traceId) => traceId.slice(-digits) < limit;
}
