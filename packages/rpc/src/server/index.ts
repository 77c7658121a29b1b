export { limitSettings } from "./config/limit-settings.ts";
export type { ServerConfig, TlsConfig } from "./config/server-config.ts";
export { defaultLimits, type ServerLimits } from "./config/server-limits.ts";
export {
  choice,
  flag,
  port,
  readSettings,
  type ServerSettings,
  type Settings,
  SettingsError,
  type SettingValues,
  serverSettings,
  serverUrl,
  serviceUrl,
  text,
  trustedProxies,
  wholeNumber,
} from "./config/settings.ts";
export { isLoopbackName } from "./http/host-check.ts";
export type { AnyRequest, AnyResponse } from "./http/http-messages.ts";
export { readTrustedProxies, type TrustedProxies } from "./http/trusted-proxies.ts";
export { onTraceIdKey, peerKey } from "./in-process/in-process-transport.ts";
export { CallsCutError } from "./listening/drain.ts";
export { batchOf } from "./pipeline/batch-of.ts";
export type { CountCall } from "./pipeline/caller-check.ts";
export {
  implement,
  implementPartly,
  type LocalCalls,
  type ServiceEntry,
  type ServiceModule,
  type TakeRequest,
} from "./pipeline/service-module.ts";
export { runService, type ServiceStart } from "./run-service.ts";
export { type RunningServer, type ServeOptions, serve } from "./serve.ts";
export { errorDetailTypes } from "./standard/error-detail-types.ts";
export { sharedMessage, sharedMessages } from "./streams/shared-message.ts";
