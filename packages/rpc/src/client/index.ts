export { markReach, neverSent, type Reach } from "./attempt-outcome.ts";
export { createServiceClient, type ServiceClientOptions } from "./service-client.ts";
