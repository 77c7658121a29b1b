export { bridgeOpenTelemetry } from "./bridge.ts";
export { type OpenTelemetryOptions, openTelemetry } from "./open-telemetry.ts";
