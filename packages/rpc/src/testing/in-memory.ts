import type { Transport } from "@connectrpc/connect";
import type { Environment } from "../environment/environment.ts";
import { defaultLimits } from "../server/config/server-limits.ts";
import { createInProcessTransport } from "../server/in-process/in-process-transport.ts";
import { CallPipeline } from "../server/pipeline/call-pipeline.ts";
import { serveMethods } from "../server/pipeline/service-methods.ts";
import type { ServiceModule } from "../server/pipeline/service-module.ts";

/**
 * A transport to a module in the same process: no socket, but all that the server does around a call (validation, deadline,
 * call context, error mapping, limits, metrics, log), by the environment's clock. Messages go over in their binary form, so
 * that neither side sees a change that the other makes afterwards. Starting and stopping the module is up to the caller.
 */
export function connectInMemory(module: ServiceModule, environment: Environment): Transport {
  const pipeline = new CallPipeline({
    environment,
    limits: defaultLimits,
    reasonDomain: module.reasonDomain,
    errorHelpUrl: module.errorHelpUrl,
  });
  return createInProcessTransport(pipeline, serveMethods(pipeline, { entries: module.entries }), {
    protocolName: "grpc",
  });
}
