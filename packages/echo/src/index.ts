export { type CallEchoModuleOptions, createCallEchoModule } from "./call-echo-module.ts";
export { createEchoModule } from "./echo-module.ts";
