export { LimitsUrlError, limitsSettings, openLimits } from "./open-limits.ts";
export type { LimitScript, SharedLimits } from "./shared-limits.ts";
