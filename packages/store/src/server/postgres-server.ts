import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import type { PostgresBinaries } from "./postgres-binaries.ts";

export interface PostgresServerOptions {
  readonly binaries: PostgresBinaries;
  /** The data folder, created if missing. Default: a temporary folder, removed when the server stops. */
  readonly folder?: string;
  /** Default: a free port. */
  readonly port?: number;
  /** Whether a commit waits for fsync. Default: true. */
  readonly durable?: boolean;
  /** Server settings, for example `max_connections=200`. */
  readonly settings?: readonly string[];
}

/** A PostgreSQL server that this process started, on the loopback interface. */
export interface PostgresServer {
  readonly port: number;
  /** The process id. */
  readonly pid: number;
  /** The URL of one of its databases. */
  url(database: string): string;
  /** Creates a database if it does not exist. */
  createDatabase(name: string): Promise<void>;
  /** Stops the server with a fast shutdown: connections are closed, committed data is kept. */
  stop(): Promise<void>;
  /** Resolves when the process has exited, for any reason. */
  readonly ended: Promise<void>;
}

const user = "parley";
/** The startup timeout, including crash recovery. */
const startTimeoutMs = 60_000;
const startPollMs = 25;

/** Starts a PostgreSQL server. If it does not start, rejects with its log. */
export async function startPostgresServer(options: PostgresServerOptions): Promise<PostgresServer> {
  const { binaries, durable = true, settings = [] } = options;
  const isTemporary = options.folder === undefined;
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "parley-postgres-"));
  const password = makeFolder(folder, binaries);
  await initialise(folder, { binaries, password });
  const port = options.port ?? (await freePort());
  const connection = { host: "127.0.0.1", port, user, password };
  const existing = await findRunningServer(folder, connection);
  if (existing !== undefined) {
    return serverOf(connection, existing);
  }
  const all = [...settings, "unix_socket_directories=", ...(durable ? [] : ["fsync=off", "synchronous_commit=off"])];
  const child = spawn(
    join(binaries.folder, "postgres"),
    ["-D", join(folder, "data"), "-p", String(port), "-h", "127.0.0.1", ...all.flatMap((setting) => ["-c", setting])],
    // A server that is not temporary gets its own process group, so that Ctrl-C does not reach it: services use the database until they have
    // stopped.
    { stdio: ["ignore", "ignore", "pipe"], env: cleanEnvironment, detached: !isTemporary, ...binaries.user },
  );
  const logChunks: string[] = [];
  child.stderr.on("data", (chunk: Buffer) => {
    logChunks.push(chunk.toString());
    logChunks.splice(0, logChunks.length - logChunksMax);
  });
  const ended = once(child, "close").then(() => {});
  if (isTemporary) {
    // The data of a temporary server is discarded, so SIGQUIT suffices if this process exits without stopping it.
    const quit = () => void child.kill("SIGQUIT");
    process.once("exit", quit);
    void ended.then(() => process.off("exit", quit));
  }
  try {
    await untilReady(child, connection);
  } catch (error) {
    child.kill("SIGQUIT");
    throw new Error(`The PostgreSQL server did not start: ${logChunks.join("") || (error as Error).message}`);
  }
  const server = serverOf(connection, { pid: child.pid as number, ended });
  return {
    ...server,
    async stop() {
      await server.stop();
      if (isTemporary) {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

interface RunningServer {
  readonly pid: number;
  readonly ended: Promise<void>;
}

function serverOf(connection: Connection, { pid, ended }: RunningServer): PostgresServer {
  const { port, password } = connection;
  return {
    port,
    pid,
    url: (database) => `postgres://${user}:${password}@127.0.0.1:${port}/${database}`,
    async createDatabase(name) {
      await withClient(connection, async (client) => {
        const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
        if (rowCount === 0) {
          await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`).catch(ignoreExisting);
        }
      });
    },
    async stop() {
      if (isAlive(pid)) {
        // Fast shutdown (https://www.postgresql.org/docs/current/server-shutdown.html).
        process.kill(pid, "SIGINT");
      }
      await ended;
    },
    ended,
  };
}

/** Ignores that another caller has created the database meanwhile: duplicate_database, or unique_violation in the catalogue. */
function ignoreExisting(error: { readonly code?: string }): void {
  if (error.code !== "42P04" && error.code !== "23505") {
    throw error;
  }
}

/** The server of an earlier process that was killed, if it still runs on the folder. */
async function findRunningServer(folder: string, connection: Connection): Promise<RunningServer | undefined> {
  const file = join(folder, "data", "postmaster.pid");
  const [pid, , , port] = existsSync(file) ? readFileSync(file, "utf8").split("\n").map(Number) : [];
  if (pid === undefined || port !== connection.port || !isAlive(pid)) {
    return undefined;
  }
  await withClient(connection, (client) => client.query("SELECT 1"));
  return {
    pid,
    get ended() {
      return untilEnded(pid);
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function untilEnded(pid: number): Promise<void> {
  while (isAlive(pid)) {
    await wait(startPollMs);
  }
}

/** The number of log lines kept for the startup error. */
const logChunksMax = 20;
/** Fixes the locale of the server's messages and removes the user's PGHOST and PGDATA. */
const cleanEnvironment = { PATH: process.env.PATH ?? "", LC_ALL: "C" };

/** Creates the folder if it does not exist. Returns the password, which is stored in it. */
function makeFolder(folder: string, { user: owner }: PostgresBinaries): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const passwordFile = join(folder, "password");
  if (!existsSync(passwordFile)) {
    writeFileSync(passwordFile, randomBytes(18).toString("base64url"), { mode: 0o600 });
  }
  if (owner !== undefined) {
    chownSync(folder, owner.uid, owner.gid);
    chownSync(passwordFile, owner.uid, owner.gid);
  }
  return readFileSync(passwordFile, "utf8").trim();
}

async function initialise(
  folder: string,
  { binaries }: { readonly binaries: PostgresBinaries; readonly password: string },
): Promise<void> {
  if (existsSync(join(folder, "data", "PG_VERSION"))) {
    return;
  }
  const child = spawn(
    join(binaries.folder, "initdb"),
    [
      "-D",
      join(folder, "data"),
      "-U",
      user,
      `--pwfile=${join(folder, "password")}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--no-sync",
    ],
    { stdio: ["ignore", "ignore", "pipe"], env: cleanEnvironment, ...binaries.user },
  );
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) {
    throw new Error(`initdb ended with code ${code}: ${output}`);
  }
}

interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

async function untilReady(child: ChildProcess, connection: Connection): Promise<void> {
  for (const untilMs = Date.now() + startTimeoutMs; ; ) {
    if (child.exitCode !== null) {
      throw new Error(`it ended with code ${child.exitCode}`);
    }
    try {
      await withClient(connection, (client) => client.query("SELECT 1"));
      return;
    } catch (error) {
      if (Date.now() > untilMs) {
        throw error;
      }
    }
    await wait(startPollMs);
  }
}

async function withClient<T>(connection: Connection, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ ...connection, database: "postgres" });
  client.on("error", () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
