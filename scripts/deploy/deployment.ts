import { pathToFileURL } from "node:url";

/** A service in the deployment files, from the generated service list. */
export interface DeployedService {
  readonly name: string;
  /** The entry file in the sources. */
  readonly main: string;
  readonly port: number;
  /** The services that it calls. */
  readonly calls: readonly string[];
  readonly database: boolean;
  /** The variable with its address for its callers, for example USER_SERVICE_URL. */
  readonly urlVariable: string;
}

/** The port of each service for metrics and for the plaintext health checks of probes. */
export const adminPort = 9090;

/** The maximum connection age. The server then sends GOAWAY, and clients reconnect to new replicas too. */
const connectionAgeMs = 300_000;

/**
 * The time for which idle HTTP/1.1 connections stay open after SIGTERM: longer than the idle timeout of the connections of deploy/nginx, 5 s.
 * At most half of the drain time.
 */
const http1DrainMs = 10_000;

/** The drain time for in-flight calls after SIGTERM. The orchestrator's kill timeout is longer. */
export const graceMs = 20_000;
export const stopSeconds = 45;

/** Reads the generated list of services, callees before their callers. */
export async function deployedServices(listFile: string): Promise<readonly DeployedService[]> {
  const { processes } = (await import(pathToFileURL(listFile).href)) as {
    readonly processes: readonly DeployedService[];
  };
  return processes;
}

/** The addresses and secrets that differ between kinds of deployment. */
export interface EnvironmentOptions {
  /** The target that callers use for a service, for example `dns:///user:50051`. */
  readonly target: (service: DeployedService) => string;
  readonly services: readonly DeployedService[];
  /** The folder with the key files. */
  readonly keysFolder: string;
}

/** A service's settings except secrets, as docs/running.md describes them. */
export function environmentOf(
  service: DeployedService,
  { target, services, keysFolder }: EnvironmentOptions,
): Readonly<Record<string, string>> {
  const needed = new Set([...service.calls, "user"]);
  const targets = services.filter(({ name }) => needed.has(name) && name !== service.name);
  return {
    HOST: "0.0.0.0",
    PORT: String(service.port),
    AUTH: "required",
    ADMIN_HOST: "0.0.0.0",
    ADMIN_PORT: String(adminPort),
    SHUTDOWN_GRACE_MS: String(graceMs),
    HTTP1_DRAIN_MS: String(http1DrainMs),
    MAX_CONNECTION_AGE_MS: String(connectionAgeMs),
    // Settings may be given to all services at once, and sample users are refused where AUTH=required.
    ...(service.name === "user" ? { SAMPLE_DATA: "off" } : {}),
    SERVICE_KEYS_FILE: `${keysFolder}/services.json`,
    ...(service.calls.length > 0 ? { SERVICE_KEY_FILE: `${keysFolder}/${service.name}.json` } : {}),
    ...Object.fromEntries(targets.map((callee) => [callee.urlVariable, target(callee)])),
  };
}

/** Indents each line by `spaces`. */
export function indented(lines: readonly string[], spaces: number): string {
  return lines.map((line) => (line === "" ? "" : `${" ".repeat(spaces)}${line}`)).join("\n");
}
