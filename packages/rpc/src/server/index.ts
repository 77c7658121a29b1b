export { batchOf } from "./batch-of.ts";
export { type AuthorizeCall, CallPipeline, type CallPipelineOptions } from "./call-pipeline.ts";
export { CallsCutError } from "./drain.ts";
export { peerKey } from "./in-process-transport.ts";
export type { AnyRequest, AnyResponse } from "./listener.ts";
export { runService, type ServiceStart } from "./run-service.ts";
export { type RunningServer, type ServeOptions, serve } from "./serve.ts";
export { ServerCall } from "./server-call.ts";
export type { ServerConfig, TlsConfig } from "./server-config.ts";
export { defaultLimits, type ServerLimits } from "./server-limits.ts";
export {
  implement,
  implementPartly,
  type ServiceEntry,
  type ServiceModule,
  type TakeRequest,
} from "./service-module.ts";
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
  serviceUrl,
  text,
  wholeNumber,
} from "./settings.ts";
