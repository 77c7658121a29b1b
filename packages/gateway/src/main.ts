import { openLimits } from "@parley/events/limits";
import { patchProtobuf } from "@parley/rpc";
import { runService } from "@parley/rpc/server";
import { createGatewayModule } from "./index.ts";
import { gatewayOptions, gatewaySettings, stackControlFile } from "./settings.ts";

patchProtobuf();
await runService("gateway", gatewaySettings, async ({ config, environment }) =>
  createGatewayModule({
    environment,
    ...gatewayOptions(config),
    signIn: config.AUTH === "required",
    payloads: config.TELEMETRY_PAYLOADS,
    stackControlFile: stackControlFile(config),
    limits: await openLimits(config.LIMITS_URL, environment),
  }),
);
