export type { BackendState, BackendStates } from "./backend-health.ts";
export { createGatewayModule, type GatewayModuleOptions } from "./gateway-module.ts";
export { productAgeMaxMs } from "./product-cache.ts";
export { type BackendName, type PublicService, publicServices } from "./public-services.ts";
