import type { Environment } from "../environment/environment.ts";
import { readSettings } from "../server/config/settings.ts";
import { telemetrySettings } from "../server/config/telemetry-settings.ts";
import { openTelemetry as open, type Telemetry } from "../server/open-telemetry.ts";

export interface OpenTelemetryOptions {
  /** The process's name: the default of OTEL_SERVICE_NAME. */
  readonly name: string;
  /** The variables to read. Default: those of the process. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
}

/**
 * An environment whose calls are recorded, and exported over OTLP as the `OTEL_` variables say (docs/telemetry.md). Pass it to servers and clients.
 * `close` exports the remaining telemetry. Throws a `SettingsError` that names each invalid variable.
 */
export function openTelemetry(
  environment: Environment,
  { name, variables = process.env }: OpenTelemetryOptions,
): Promise<Telemetry> {
  return open(environment, { name, values: readSettings(telemetrySettings, variables) });
}
