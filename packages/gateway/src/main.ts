import { patchProtobuf } from "@parley/rpc";
import { runService } from "@parley/rpc/server";
import { createGatewayModule } from "./index.ts";
import { gatewayOptions, gatewaySettings, stackControlFile } from "./settings.ts";

patchProtobuf();
await runService("gateway", gatewaySettings, ({ config, environment }) =>
  createGatewayModule({
    environment,
    ...gatewayOptions(config),
    signIn: config.AUTH === "required",
    payloads: config.TELEMETRY_PAYLOADS,
    stackControlFile: stackControlFile(config),
  }),
);
