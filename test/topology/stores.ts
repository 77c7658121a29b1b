import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import {
  debianBinaries,
  embeddedBinaries,
  type PostgresBinaries,
  startPostgresServer,
} from "@parley/store/postgres-server";
import { freePort } from "../processes/free-port.ts";
import { type Program, program } from "../processes/program.ts";
import type { Network } from "./network.ts";

/** PostgreSQL and Redis, which all replicas share. */
export interface Stores {
  /** `DATABASE_URL` of a service, whose database is created. */
  databaseUrl(service: string): Promise<string>;
  readonly redis: Program;
  stop(): Promise<void>;
}

export interface StoresOptions {
  readonly network: Network;
  readonly redisServer: string;
  readonly postgres: PostgresBinaries;
  readonly folder: string;
}

/** The newest PostgreSQL server on this machine. */
export async function findPostgres(): Promise<PostgresBinaries | undefined> {
  return (await embeddedBinaries()) ?? debianBinaries();
}

/** Four services with up to three replicas, each with up to ten connections. */
const databaseConnectionsMax = 200;

export async function startStores({ network, redisServer, postgres, folder }: StoresOptions): Promise<Stores> {
  const clients = network.kind === "namespaces" ? "10.88.0.0/16" : "127.0.0.0/8";
  const access = join(folder, "pg_hba.conf");
  await writeFile(access, `host all all 127.0.0.1/32 scram-sha-256\nhost all all ${clients} scram-sha-256\n`);
  const server = await startPostgresServer({
    binaries: postgres,
    // The data is thrown away; killed servers are the subject of other tests.
    durable: false,
    settings: [
      `max_connections=${databaseConnectionsMax}`,
      `listen_addresses=127.0.0.1,${network.front}`,
      `hba_file=${access}`,
    ],
  });
  const redis = await redisAt(network.front, redisServer);
  await redis.start();
  return {
    redis,
    async databaseUrl(service) {
      await server.createDatabase(service);
      return server.url(service).replace("@127.0.0.1:", `@${network.front}:`);
    },
    async stop() {
      await redis.kill();
      await server.stop();
    },
  };
}

/** Redis without persistence, as compose.yaml runs it. */
async function redisAt(host: string, command: string): Promise<Program> {
  const port = await freePort();
  return program({
    name: "redis",
    url: `redis://${host}:${port}`,
    command,
    args: ["--port", String(port), "--bind", host, "--protected-mode", "no", "--save", "", "--appendonly", "no"],
    isServing: () => accepts(host, port),
  });
}

/** Whether a server accepts connections. */
export function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once("connect", () => socket.destroy(resolve(true) as undefined));
    socket.once("error", () => resolve(false));
  });
}
