import type { Transport } from "@connectrpc/connect";
import type { Environment } from "../environment/environment.ts";
import { defaultLimits } from "../server/config/server-limits.ts";
import { createInProcessTransport } from "../server/in-process/in-process-transport.ts";
import { CallPipeline } from "../server/pipeline/call-pipeline.ts";
import { serveMethods } from "../server/pipeline/service-methods.ts";
import type { ServiceModule } from "../server/pipeline/service-module.ts";

/**
 * A transport to a module in the same process: without a socket, but with everything that the server does for a call (validation, deadline, call
 * context, error mapping, limits, metrics, log), on the environment's clock. Messages are serialized, so that neither side sees later changes of
 * the other. The caller starts and stops the module.
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
