import { type DeployedService, environmentOf } from "../../scripts/deploy/deployment.ts";
import { productionSettings } from "../../scripts/deploy/production-settings.ts";
import { type Program, program } from "../processes/program.ts";
import type { ImageFiles } from "./image-files.ts";
import { domain, type NameServer } from "./name-server.ts";
import type { Host, Network } from "./network.ts";
import type { Stores } from "./stores.ts";

/** A process of a service on a host. */
export interface Replica {
  readonly service: string;
  readonly host: Host;
  readonly address: string;
  readonly port: number;
  readonly program: Program;
  /** The calls that it has served, by its own metrics. */
  calls(): Promise<number>;
}

export interface ReplicaOptions {
  readonly services: readonly DeployedService[];
  readonly image: ImageFiles;
  readonly network: Network;
  readonly names: NameServer;
  readonly stores: Stores;
  readonly admin: { readonly email: string; readonly password: string };
}

/** Containers have an address each, and all the same admin port; here the services on a host share its address. */
const adminPortOf = (port: number) => port + 1_000;

/** Connections end after seconds here, and after minutes in production: every path gets new connections during the test. */
const connectionAgeMs = 20_000;
const tlsReloadIntervalMs = 1_000;

/**
 * A replica with the settings of the deployment files. All services but the gateway speak TLS; the proxy in front of the gateway speaks
 * cleartext to it, as in deploy/nginx.
 */
export async function createReplica(
  service: DeployedService,
  host: Host,
  { address, ...options }: ReplicaOptions & { readonly address: string },
): Promise<Replica> {
  const { services, image, names, stores, network, admin } = options;
  const { name, port, database } = service;
  const target = (callee: DeployedService) => names.target(callee.name, callee.port, "dns+https");
  const environment = {
    ...image.environment,
    // As the ConfigMap of deploy/kubernetes: every service gets the settings of all.
    ...Object.fromEntries(
      productionSettings.flatMap(({ variable, value, secret }) => (secret ? [] : [[variable, value]])),
    ),
    ...environmentOf(service, { services, target, keysFolder: image.inside("keys") }),
    HOST: address,
    ADMIN_HOST: address,
    ADMIN_PORT: String(adminPortOf(port)),
    MAX_CONNECTION_AGE_MS: String(connectionAgeMs),
    TLS_RELOAD_INTERVAL_MS: String(tlsReloadIntervalMs),
    CLIENT_TLS_CA_FILE: `${image.inside("tls")}/ca.crt`,
    ...(name === "gateway"
      ? { TRUST_PROXY: network.frontNetwork }
      : { TLS_CERT_FILE: `${image.inside("tls")}/tls.crt`, TLS_KEY_FILE: `${image.inside("tls")}/tls.key` }),
    ...(database
      ? {
          DATABASE_URL: await stores.databaseUrl(name),
          BROKER_URL: stores.redis.url,
          ...(name === "product" ? { SAMPLE_DATA: "on" } : {}),
        }
      : {}),
    ...(name === "order" || name === "gateway" ? { GUEST_ORDERS: "on" } : {}),
    ...(name === "user"
      ? {
          SIGNING_KEY_SECRET: "of-the-test-and-long-enough-to-be-taken",
          ADMIN_EMAIL: admin.email,
          ADMIN_PASSWORD: admin.password,
        }
      : {}),
  };
  const [command, ...args] = host.on(image.parley("run", name));
  const metrics = `http://${address}:${adminPortOf(port)}/metrics`;
  return {
    service: name,
    host,
    address,
    port,
    program: program({
      name: `${name} on ${host.name} (${address})`,
      url: `${name === "gateway" ? "http" : "https"}://${name}.${domain}:${port}`,
      command,
      args,
      env: environment,
      isServing: async (output) => output.includes('"msg":"serving"'),
      endsWithParent: network.kind === "loopback",
    }),
    calls: async () => callsOf(await (await fetch(metrics)).text()),
  };
}

/** The sum of the counters of calls, without health checks. */
function callsOf(page: string): number {
  const lines = page.split("\n").filter((line) => /_server_call_duration_seconds_count\{/.test(line));
  return lines
    .filter((line) => !line.includes("grpc.health"))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}
