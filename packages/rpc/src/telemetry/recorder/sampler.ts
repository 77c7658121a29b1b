/** Decides at the beginning of a trace, or of this process's part of it, whether it is exported. */
export interface Sampler {
  /** @param parent whether the caller's part is sampled; undefined if the trace begins here */
  isSampled(traceId: string, parent: boolean | undefined): boolean;
}

/** What `OTEL_TRACES_SAMPLER` may be (OpenTelemetry, "General SDK Configuration"). */
export const samplerNames = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;
export type SamplerName = (typeof samplerNames)[number];

/** A sampler by its OpenTelemetry name. `ratio` is for those that end in `traceidratio`: from 0 to 1. */
export function createSampler(name: SamplerName, ratio: number): Sampler {
  const root = name.replace("parentbased_", "");
  const ofTrace =
    root === "always_on" ? () => true : root === "always_off" ? () => false : (id: string) => isWithin(id, ratio);
  return name.startsWith("parentbased_")
    ? { isSampled: (traceId, parent) => parent ?? ofTrace(traceId) }
    : { isSampled: (traceId) => ofTrace(traceId) };
}

/** The last 52 bits of a trace id: as many as a number holds. They are random (W3C Trace Context Level 2, section 3.2.2.3.1). */
const digits = 13;
const range = 2 ** (digits * 4);

/** The same share of trace ids in every process, so that those that decide by the id decide alike. */
function isWithin(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-digits), 16) < ratio * range;
}
