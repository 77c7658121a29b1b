import { collectDefaultMetrics } from "prom-client";
import type { Environment } from "../environment/environment.ts";
import { systemEnvironment } from "../environment/system-environment.ts";
import { CallsCutError } from "./drain.ts";
import { type RunningServer, serve } from "./serve.ts";
import type { ServiceModule } from "./service-module.ts";
import {
  readSettings,
  type ServerSettings,
  type Settings,
  SettingsError,
  type SettingValues,
  serverConfig,
  serverSettings,
} from "./settings.ts";
import { givingStartMemoryBack } from "./start-memory.ts";

/** What a service's module is made from. */
export interface ServiceStart<S extends Settings> {
  /** The values of the settings, by the name of their environment variable. */
  readonly config: SettingValues<ServerSettings & S>;
  readonly environment: Environment;
}

/**
 * Runs a service as a process: reads its settings from the environment, serves its module, and on SIGTERM or SIGINT drains it.
 * Exit codes: 0 drained, 1 failed or calls were cut off, 2 settings are wrong (all mistakes are named at once). A second
 * signal ends the process at once.
 */
export async function runService<S extends Settings>(
  name: string,
  settings: S,
  makeModule: (start: ServiceStart<S>) => ServiceModule | Promise<ServiceModule>,
): Promise<void> {
  const config = settingsOrExit(name, settings);
  const common = config as SettingValues<ServerSettings>;
  const environment = systemEnvironment({ name, logLevel: common.LOG_LEVEL, logFormat: common.LOG_FORMAT });
  collectDefaultMetrics({ register: environment.metrics, eventLoopMonitoringPrecision: 100 });
  let server: RunningServer;
  try {
    server = await serve(givingStartMemoryBack(await makeModule({ config, environment })), {
      name,
      config: serverConfig(common),
      environment,
    });
  } catch (error) {
    environment.log.fatal({ err: error }, "could not start");
    // What was opened on the way, a database for example, would keep the process alive.
    process.exit(1);
  }
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    signals++;
    if (signals > 1) {
      process.exit(1);
    }
    environment.log.info({ signal }, "told to end");
    server.close().then(
      () => process.exit(0),
      (error: unknown) => {
        environment.log.error(
          error instanceof CallsCutError ? { calls: error.calls } : { err: error },
          "did not drain",
        );
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}

function settingsOrExit<S extends Settings>(name: string, settings: S): SettingValues<ServerSettings & S> {
  try {
    return readSettings({ ...serverSettings, ...settings }, process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) {
      throw error;
    }
    process.stderr.write(`${name}: ${error.message}\n`);
    process.exit(2);
  }
}
