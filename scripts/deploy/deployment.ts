import { pathToFileURL } from "node:url";

/** A service as the files of deploy/ describe it: read from the list that the package.json files of packages/ declare. */
export interface DeployedService {
  readonly name: string;
  /** The file that Node runs from the sources. */
  readonly main: string;
  readonly port: number;
  /** The services that it calls. */
  readonly calls: readonly string[];
  readonly database: boolean;
  /** The variable with which its callers are told its address, for example USER_SERVICE_URL. */
  readonly urlVariable: string;
}

/** Where each service serves metrics and the plaintext health that probes ask. */
export const adminPort = 9090;

/** How long a connection is used before the server asks its client for a new one, so that new replicas get calls. */
const connectionAgeMs = 300_000;

/** How long calls in flight may take after SIGTERM. Orchestrators wait a little longer before they kill. */
export const graceMs = 20_000;
export const stopSeconds = 45;

/** Reads the generated list of services, callees before their callers. */
export async function deployedServices(listFile: string): Promise<readonly DeployedService[]> {
  const { processes } = (await import(pathToFileURL(listFile).href)) as {
    readonly processes: readonly DeployedService[];
  };
  return processes;
}

/** What a kind of deployment fills in: addresses and secrets. */
export interface EnvironmentOptions {
  /** The target at which callers reach a service, for example `dns:///user:50051`. */
  readonly target: (service: DeployedService) => string;
  readonly services: readonly DeployedService[];
  /** Where the key files lie. */
  readonly keysFolder: string;
}

/** The settings of a service that are no secrets, by docs/running.md. */
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
    MAX_CONNECTION_AGE_MS: String(connectionAgeMs),
    SERVICE_KEYS_FILE: `${keysFolder}/services.json`,
    ...(service.calls.length > 0 ? { SERVICE_KEY_FILE: `${keysFolder}/${service.name}.json` } : {}),
    ...Object.fromEntries(targets.map((callee) => [callee.urlVariable, target(callee)])),
  };
}

/** Each line with `spaces` in front. */
export function indented(lines: readonly string[], spaces: number): string {
  return lines.map((line) => (line === "" ? "" : `${" ".repeat(spaces)}${line}`)).join("\n");
}
