export { createProgram } from "./program.ts";
export { type ServiceDefinition, services } from "./stack/service-registry.ts";
