export { printFailure } from "./outcome/print-failure.ts";
export { createProgram } from "./program.ts";
export type { StackSettings } from "./service/service-environment.ts";
export { type ServiceDefinition, services } from "./service/service-registry.ts";
export { Stack, type StackMember } from "./stack/stack.ts";
