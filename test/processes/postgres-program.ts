import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { type PostgresBinaries, startPostgresServer } from "@parley/store/postgres-server";
import { freePort } from "./free-port.ts";
import { type Program, program } from "./program.ts";

/** A PostgreSQL server in its own process, with fsync. Not running yet. */
export interface PostgresProgram extends Program {
  /** The URL of one of its databases. */
  databaseUrl(name: string): string;
  /** The number of failovers so far. Undefined without a standby. */
  readonly failovers?: number;
  /** Ends what `kill` leaves for the next start: the standby. */
  dispose?(): Promise<void>;
}

export interface PostgresProgramOptions {
  /** The parent folder of its data. */
  readonly folder: string;
  /** The databases to create. */
  readonly databases: readonly string[];
}

/**
 * Creates a server with databases. `kill` is an immediate shutdown (SIGQUIT): the server does not write its buffers, and recovers from its log at the
 * next start, as after a power failure. SIGKILL of the first process alone would leave its children with the data. A drain (SIGTERM) is a fast
 * shutdown (SIGINT): the smart one would wait for the clients, which stay.
 */
export async function postgresProgram(
  binaries: PostgresBinaries,
  { folder, databases }: PostgresProgramOptions,
): Promise<PostgresProgram> {
  // If this process is root, the server runs as another user, which must have access to its folder.
  await chmod(folder, 0o755);
  const own = join(folder, "postgres");
  const port = await freePort();
  const first = await startPostgresServer({ binaries, folder: own, port });
  const { url: databaseUrl } = first;
  const createDatabases = async () => {
    for (const name of databases) await first.createDatabase(name);
  };
  await createDatabases();
  await first.stop();

  const server = program({
    name: "postgres",
    url: databaseUrl("postgres"),
    command: join(binaries.folder, "postgres"),
    args: [
      ...["-D", join(own, "data"), "-p", String(port), "-h", "127.0.0.1"],
      ...["-c", "unix_socket_directories=", "-c", "max_connections=200"],
    ],
    env: { LC_ALL: "C" },
    user: binaries.user,
    // Finds the databases, over a connection of its own.
    isServing: () =>
      createDatabases().then(
        () => true,
        () => false,
      ),
  });
  const quit = () => server.signal("SIGQUIT");
  process.once("exit", quit);

  async function kill() {
    // A stopped process takes the signal when it continues.
    quit();
    server.signal("SIGCONT");
    await server.ended();
  }
  return {
    ...server,
    databaseUrl,
    kill,
    signal: (signal) => server.signal(signal === "SIGTERM" ? "SIGINT" : signal),
  };
}
