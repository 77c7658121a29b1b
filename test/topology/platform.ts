import { execFile } from "node:child_process";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { deployedServices } from "../../scripts/deploy/deployment.ts";
import { root } from "../../scripts/run-command.ts";
import type { CertificateAuthority } from "./certificates.ts";
import { createImageFiles } from "./image-files.ts";
import { domain, type NameServer, startNameServer } from "./name-server.ts";
import type { Network } from "./network.ts";
import { createProxy, type ReverseProxy, shopName } from "./proxy.ts";
import { createReplica, type Replica } from "./replica.ts";
import { startPatiently } from "./start-patiently.ts";
import { findPostgres, type Stores, startStores } from "./stores.ts";

const run = promisify(execFile);

/** The whole platform as it is deployed: a proxy with TLS, replicas of every service on two hosts, DNS, PostgreSQL and Redis. */
export interface Platform {
  readonly network: Network;
  readonly proxy: ReverseProxy;
  readonly stores: Stores;
  readonly admin: { readonly email: string; readonly password: string };
  /** Those that were started and not stopped for good. */
  readonly replicas: Replica[];
  /** Starts a third replica of each service on the second host, and publishes it. */
  addReplicas(): Promise<readonly Replica[]>;
  /** Sets which replicas the DNS names: by default all. */
  publish(replicas?: readonly Replica[]): void;
  /** Issues new certificates for the proxy and the services. Returns their serial numbers. */
  rotateCertificates(): Promise<{ readonly proxy: string; readonly services: string }>;
  stop(): Promise<void>;
}

/** Paths of the programs that are not part of this repository. */
export interface Programs {
  readonly nginx: string;
  readonly dnsmasq: string;
  readonly redisServer: string;
}

export interface PlatformOptions {
  readonly network: Network;
  readonly programs: Programs;
  /** A temporary folder of this run. */
  readonly folder: string;
  readonly authority: CertificateAuthority;
}

export async function startPlatform({ network, programs, folder, authority }: PlatformOptions): Promise<Platform> {
  const image = await createImageFiles(await subfolder(folder, "image"), network);
  const proxyFolder = await subfolder(folder, "nginx");
  await mkdir(join(proxyFolder, "tls"));
  const issue = async () => ({
    proxy: await authority.issue(join(proxyFolder, "tls"), [shopName, network.front]),
    services: await authority.issue(image.folder("tls"), [`*.${domain}`]),
  });
  await copyFile(authority.file, join(image.folder("tls"), "ca.crt"));
  await issue();
  const [command, ...args] = image.parley("keys", "--folder", image.inside("keys"));
  await run(command, args, { env: { PATH: process.env.PATH, ...image.environment } });

  const postgres = await findPostgres();
  if (postgres === undefined) throw new Error("there is no PostgreSQL server");
  const names = await startNameServer(programs.dnsmasq, network);
  names.publish(shopName, [network.front]);
  const stores = await startStores({ network, redisServer: programs.redisServer, postgres, folder });
  const admin = { email: "admin@example.com", password: "the admin of the topology" };
  const services = await deployedServices(join(root, "gen/services.js"));
  const replicas: Replica[] = [];
  const options = { services, image, network, names, stores, admin };
  async function add(host: Network["hosts"][number], address: string): Promise<readonly Replica[]> {
    const added = await Promise.all(services.map((service) => createReplica(service, host, { ...options, address })));
    replicas.push(...added);
    await Promise.all(added.map((each) => startPatiently(each.program)));
    publish(names, replicas);
    return added;
  }
  const proxy = await createProxy({ network, names, nginx: programs.nginx, folder: proxyFolder });
  async function stop() {
    await Promise.all([proxy.program, ...replicas.map((each) => each.program)].map((each) => each.kill()));
    await stores.stop();
    await names.stop();
  }
  try {
    const [a, b] = network.hosts;
    await add(a, a.addresses[0] as string);
    await add(b, b.addresses[0] as string);
    await proxy.program.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    network,
    proxy,
    stores,
    admin,
    replicas,
    addReplicas: () => add(network.hosts[1], network.hosts[1].addresses[1] as string),
    publish: (some = replicas) => publish(names, some),
    rotateCertificates: issue,
    stop,
  };
}

function publish(names: NameServer, replicas: readonly Replica[]): void {
  for (const [service, some] of Map.groupBy(replicas, (each) => each.service)) {
    names.publish(
      `${service}.${domain}`,
      some.map(({ address }) => address),
    );
  }
}

async function subfolder(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  return path;
}
