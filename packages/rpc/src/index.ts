export { type CallContext, type Caller, callContextKey, within } from "./call/call-context.ts";
export {
  type AccessRule,
  type HedgingRule,
  type MethodPolicy,
  methodPolicy,
  type RetryRule,
} from "./contract/method-policy.ts";
export { type Clock, sleep, systemClock } from "./environment/clock.ts";
export type { Environment } from "./environment/environment.ts";
