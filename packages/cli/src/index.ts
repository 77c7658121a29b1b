export { createProgram } from "./program.ts";
export type { StackSettings } from "./stack/service-environment.ts";
export { type ServiceDefinition, services } from "./stack/service-registry.ts";
export { Stack, type StackMember } from "./stack/stack.ts";
