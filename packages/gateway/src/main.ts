import { runService } from "@parley/rpc/server";
import { createGatewayModule } from "./index.ts";
import { gatewayOptions, gatewaySettings } from "./settings.ts";

await runService("gateway", gatewaySettings, ({ config, environment }) =>
  createGatewayModule({ environment, ...gatewayOptions(config), signIn: config.AUTH === "required" }),
);
