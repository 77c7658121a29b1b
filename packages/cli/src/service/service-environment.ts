import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sqliteUrl } from "@parley/store/database-url";
import type { Programs } from "../programs/programs.ts";
import { consoleProcess } from "../stack/build-console.ts";
import { controlPath } from "../stack/control/stack-record.ts";
import { serviceNameOf } from "./replicas.ts";
import type { ServiceKeys } from "./service-keys.ts";
import type { ServiceDefinition } from "./service-registry.ts";

export interface StackSettings {
  /** The folder of the databases: an absolute path. */
  readonly dataFolder: string;
  /** Added to every port. */
  readonly portOffset: number;
  readonly logLevel: string;
  /** The kind of the services' databases. Default: SQLite. */
  readonly databaseKind?: "sqlite" | "postgres";
  /** The value of `--replicas`, for printed commands. */
  readonly replicas?: string | undefined;
  /** Every service, started or not: each started one gets the addresses of all. */
  readonly services: readonly ServiceDefinition[];
  /** The files that the services' processes run. The sources by default. */
  readonly programs?: Programs;
  /** The keys for authentication between services, with AUTH=required. */
  readonly keys?: ServiceKeys;
}

/**
 * The folder of Node's compile cache. With it a service starts sooner and is about 20 MB smaller,
 * since the type stripper is not even loaded.
 */
const compileCacheFolder = fileURLToPath(new URL("../../../../node_modules/.cache/parley/compile", import.meta.url));

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The environment of one service's process: the shell's, overridden by the stack's. Variables of the shell take precedence if they are
 * addresses: `PRODUCT_SERVICE_URL` moves the product service, `PRODUCT_DATABASE_URL` its
 * database.
 */
export function serviceEnvironment(service: ServiceDefinition, settings: StackSettings, shell: Variables): Variables {
  const environment: Record<string, string | undefined> = { ...shell, ...service.environment };
  for (const [name, replicas] of Map.groupBy(settings.services, serviceNameOf)) {
    const urls = replicas.map((replica) => serviceUrl(replica, settings, shell));
    environment[`${variablePrefix(name)}_SERVICE_URL`] ??= urls.join(",");
  }
  environment.PORT = String(service.port + settings.portOffset);
  // With one ADMIN_PORT only one service could listen: the first uses it, and the others use the following ports.
  if (shell.ADMIN_PORT !== undefined && Number(shell.ADMIN_PORT) > 0) {
    environment.ADMIN_PORT = String(Number(shell.ADMIN_PORT) + settings.services.indexOf(service));
  }
  const gateway = settings.services.find(({ name }) => name === consoleProcess);
  if (gateway !== undefined) {
    environment.ERROR_HELP_URL ??= `${serviceUrl(gateway, settings, shell)}/docs/errors.md`;
  }
  environment.NODE_COMPILE_CACHE ??= compileCacheFolder;
  environment.LOG_LEVEL = settings.logLevel;
  if (!requiresAuth(shell) && isLoopback(shell.HOST)) {
    // A local stack records payloads by default. Personal fields are masked there too.
    environment.TELEMETRY_PAYLOADS ??= "true";
  }
  if (service.name === consoleProcess) {
    environment.STACK_CONTROL_FILE = controlPath(settings.dataFolder);
  }
  if (settings.keys !== undefined) {
    // Each authenticates with its own key: a shell's SERVICE_KEY_FILE would give all services the same identity.
    environment.SERVICE_KEY_FILE = settings.keys.privateFiles.get(serviceNameOf(service));
    environment.SERVICE_KEYS_FILE = settings.keys.publicFile;
  }
  // A shell's DATABASE_URL would be shared by all services, and each has its own database.
  environment.DATABASE_URL = service.database
    ? (shell[`${variablePrefix(serviceNameOf(service))}_DATABASE_URL`] ?? sqliteUrl(databaseFile(service, settings)))
    : undefined;
  return environment;
}

/** The default place of a service's database. */
export function databaseFile(service: ServiceDefinition, settings: StackSettings): string {
  return join(settings.dataFolder, `${service.name}.db`);
}

/** The address of a service on this machine. */
export function serviceUrl(service: ServiceDefinition, settings: StackSettings, shell: Variables): string {
  const scheme = shell.TLS_CERT_FILE ? "https" : "http";
  return `${scheme}://${reachableHost(shell.HOST)}:${service.port + settings.portOffset}`;
}

/** The host name by which a client on this machine reaches a server that listens on `host`. */
export function reachableHost(host = "127.0.0.1"): string {
  if (host === "0.0.0.0" || host === "" || host === "127.0.0.1") {
    return "127.0.0.1";
  }
  if (host === "::") {
    return "[::1]";
  }
  return host.includes(":") ? `[${host}]` : host;
}

function isLoopback(host = "127.0.0.1"): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/** Whether callers must authenticate. */
export function requiresAuth(shell: Variables): boolean {
  return shell.AUTH === "required";
}

/** `echo-a` becomes `ECHO_A`. */
export function variablePrefix(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}
