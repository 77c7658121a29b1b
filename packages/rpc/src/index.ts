export { addressGroup, bareAddress, locallyForwarded } from "./call/address-group.ts";
export { answeringWith } from "./call/answering.ts";
export { type CallContext, type Caller, callContextKey, within } from "./call/call-context.ts";
export { currentCall, wantCurrentCall, withinCall } from "./call/current-call.ts";
export {
  type ErrorDetail,
  errorDetail,
  type FieldProblem,
  type ReasonErrorOptions,
  reasonError,
  reasonOf,
} from "./call/reason-error.ts";
export { requestIdHeader, requestIdOf, traceIdHeader } from "./call/request-id.ts";
export {
  byCertificate,
  forwardedByHeader,
  serviceTokenIssuer,
  tokenAlgorithm,
  tokenAudience,
  userTokenIssuer,
  userTokenType,
} from "./call/token-claims.ts";
export { isTraceparent } from "./call/trace.ts";
export { type BackoffOptions, backoffMs } from "./environment/backoff.ts";
export { type Clock, sleep, systemClock } from "./environment/clock.ts";
export type { Environment } from "./environment/environment.ts";
export { createLineLog, type LineLog } from "./environment/log/line-log.ts";
export type { LogFormat, LogLevel, LogOptions } from "./environment/log/log.ts";
export { type SpanRecorder, spanKinds } from "./environment/spans/span-recorder.ts";
export { systemEnvironment } from "./environment/system-environment.ts";
export { newUuidV7 } from "./environment/uuid-v7.ts";
export { patchProtobuf } from "./protocol/protobuf-patches/patch-protobuf.ts";
export { reportBroker } from "./telemetry/dependencies.ts";
export { readFamily, valueFamily } from "./telemetry/metric-family.ts";
export { createStoreObserver, type StoreObserver } from "./telemetry/store-observer.ts";
