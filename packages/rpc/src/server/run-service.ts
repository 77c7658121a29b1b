import { certificateIdentity } from "../access/certificate-identity.ts";
import type { AccessControl } from "../access/guarded-call.ts";
import type { Environment } from "../environment/environment.ts";
import { systemEnvironment } from "../environment/system-environment.ts";
import { checkedSettings } from "./config/checked-settings.ts";
import { clientDefaults } from "./config/client-settings.ts";
import {
  type ServerSettings,
  type Settings,
  SettingsError,
  type SettingValues,
  serverConfig,
} from "./config/settings.ts";
import { CallsCutError } from "./listening/drain.ts";
import { openTelemetry } from "./open-telemetry.ts";
import type { ServiceModule } from "./pipeline/service-module.ts";
import { type RunningServer, serve } from "./serve.ts";
import { givingStartMemoryBack } from "./start-memory.ts";

/** The dependencies of a service's module. */
export interface ServiceStart<S extends Settings> {
  /** The values of the settings, by the name of their environment variable. */
  readonly config: SettingValues<ServerSettings & S>;
  readonly environment: Environment;
  /** Reports that the service cannot continue, and ends its process: with exit code 1, after draining. */
  readonly fail: (why: Error) => void;
}

/**
 * Runs a service as a process: reads its settings from the environment, serves its module, and on SIGTERM or SIGINT drains it.
 * Exit codes: 0 drained, 1 failed, could not continue or cut calls off, 2 wrong settings (all mistakes are reported together). A second
 * signal ends the process at once.
 */
export async function runService<S extends Settings>(
  name: string,
  settings: S,
  makeModule: (start: ServiceStart<S>) => ServiceModule | Promise<ServiceModule>,
): Promise<void> {
  // Only the service's own user may read its databases and keys.
  process.umask(0o077);
  const config = settingsOrExit(name, settings);
  const common = config as SettingValues<ServerSettings>;
  const telemetry = await openTelemetry(
    {
      ...systemEnvironment({ name, logLevel: common.LOG_LEVEL, logFormat: common.LOG_FORMAT }),
      http2: common.HTTP2_IMPLEMENTATION,
    },
    { name, values: common },
  );
  let { environment } = telemetry;
  let server: RunningServer | undefined;
  let ending = false;
  let exitCode = 0;

  function end() {
    if (server === undefined) {
      process.exit(1);
    }
    if (ending) {
      return;
    }
    ending = true;
    server
      .close()
      .finally(() => telemetry.close())
      .then(
        () => process.exit(exitCode),
        (error: unknown) => {
          environment.log.error(
            error instanceof CallsCutError ? { calls: error.calls } : { err: error },
            "drain failed",
          );
          process.exit(1);
        },
      );
  }

  function fail(why: Error) {
    environment.log.fatal({ err: why }, "cannot continue");
    exitCode = 1;
    end();
  }

  try {
    environment = { ...environment, clientDefaults: clientDefaults(common) };
    environment = await withIdentity(environment, { name, config: common });
    const module = await makeModule({ config, environment, fail });
    if (common.PREPARE_ONLY) {
      await module.stop?.();
      environment.log.info("prepared");
      process.exit(0);
    }
    server = await serve(givingStartMemoryBack(module), {
      name,
      config: serverConfig(common),
      environment,
      authorize: await accessControl(module, { environment, config: common }),
    });
  } catch (error) {
    if (error instanceof SettingsError) {
      endForSettings(name, error);
    }
    const { setting } = error as { readonly setting?: unknown };
    if (error instanceof Error && typeof setting === "string") {
      endForSettings(name, new SettingsError(`settings are wrong:\n  ${setting}: ${error.message}`));
    }
    environment.log.fatal({ err: error }, "could not start");
    // Opened resources, a database for example, would keep the process alive.
    process.exit(1);
  }
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    signals++;
    if (signals > 1) {
      process.exit(1);
    }
    environment.log.info({ signal }, "stopping on a signal");
    end();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}

async function withIdentity(
  environment: Environment,
  { name, config }: { readonly name: string; readonly config: SettingValues<ServerSettings> },
): Promise<Environment> {
  const { AUTH: auth, SERVICE_KEY_FILE: keyFile } = config;
  if (auth === "off") {
    return environment;
  }
  if (config.SERVICE_IDENTITY === "certificate") {
    return { ...environment, identity: certificateIdentity(name) };
  }
  if (keyFile === "") {
    return environment;
  }
  const { readServiceIdentity } = await import("../access/access-control.ts");
  return { ...environment, identity: await readServiceIdentity(name, { keyFile, clock: environment.clock }) };
}

async function accessControl(
  module: ServiceModule,
  { environment, config }: { readonly environment: Environment; readonly config: SettingValues<ServerSettings> },
): Promise<AccessControl | undefined> {
  if (config.AUTH === "off") {
    return undefined;
  }
  // Loaded on demand: it is a large part of a small service's memory.
  const [{ createAccessControl }, { fetchKeys }, { httpAgent }] = await Promise.all([
    import("../access/access-control.ts"),
    import("../access/fetch-keys.ts"),
    import("../client/http-agent.ts"),
  ]);
  const users = httpAgent(config.USER_SERVICE_URL, environment);
  return createAccessControl(module, {
    environment,
    loadUserKeys: () => fetchKeys(new URL("/.well-known/jwks.json", users.origin), users.agent),
    serviceKeysFile: config.SERVICE_KEYS_FILE,
    serviceOfNames: config.TLS_SERVICE_NAMES,
  });
}

function settingsOrExit<S extends Settings>(name: string, settings: S): SettingValues<ServerSettings & S> {
  try {
    return checkedSettings(settings, process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) {
      throw error;
    }
    endForSettings(name, error);
  }
}

function endForSettings(name: string, error: SettingsError): never {
  process.stderr.write(`${name}: ${error.message}\n`);
  process.exit(2);
}
