import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { chmod, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type PostgresBinaries, startPostgresServer } from "@parley/store/postgres-server";
import pg from "pg";
import { eventually } from "./eventually.ts";
import { startFollowingAddress } from "./following-address.ts";
import { freePort } from "./free-port.ts";
import type { PostgresProgram, PostgresProgramOptions } from "./postgres-program.ts";
import { type Program, program } from "./program.ts";

/** A server with its data. */
interface Node {
  readonly data: string;
  readonly port: number;
  readonly server: Program;
}

/** Copying a few dozen megabytes takes a second, and many times that on a busy machine. */
const standbyMaxMs = 90_000;
const run = promisify(execFile);

/**
 * Creates a primary and a standby behind one address, with databases. A commit is acknowledged once the standby has flushed it (`synchronous_standby_names`), so a failover
 * loses none. `launch` after the primary ended promotes the standby (`pg_ctl promote`), and copies a new standby from it; if no standby was in
 * sync, it starts the primary again instead. Needs `pg_ctl` and `pg_basebackup`, which Debian's packages have.
 */
export async function postgresWithStandby(
  binaries: PostgresBinaries,
  { folder, databases }: PostgresProgramOptions,
): Promise<PostgresProgram> {
  // If this process is root, the servers run as another user, which must have access to their folders.
  await chmod(folder, 0o755);
  const address = await startFollowingAddress();
  const home = join(folder, "postgres");
  const first = await startPostgresServer({ binaries, folder: home });
  for (const name of databases) await first.createDatabase(name);
  const { username, password } = new URL(first.url("postgres"));
  await first.stop();
  const databaseUrl = (name: string, port = address.port) =>
    `postgres://${username}:${password}@127.0.0.1:${port}/${name}`;

  const node = async (data: string): Promise<Node> => {
    const port = await freePort();
    const settings = [
      ...["unix_socket_directories=", "max_connections=200", "wal_keep_size=256MB"],
      ...["cluster_name=standby", "synchronous_standby_names=standby", "wal_receiver_timeout=5s"],
    ];
    const server = program({
      name: "postgres",
      url: databaseUrl("postgres"),
      command: join(binaries.folder, "postgres"),
      args: ["-D", data, "-p", String(port), "-h", "127.0.0.1", ...settings.flatMap((setting) => ["-c", setting])],
      env: { LC_ALL: "C" },
      user: binaries.user,
      isServing: async () => (await query(port, "SELECT 1")) !== undefined,
    });
    return { data, port, server };
  };
  let primary = await node(join(home, "data"));
  let standby = await node(join(home, "standby"));
  /** Whether the standby has every acknowledged commit. */
  let isInSync = false;
  let isBegun = false;
  let failovers = 0;
  let bringingUp: Promise<void> = Promise.resolve();

  async function query(port: number, sql: string): Promise<readonly object[] | undefined> {
    const client = new pg.Client({ connectionString: databaseUrl("postgres", port), connectionTimeoutMillis: 2_000 });
    client.on("error", () => {});
    try {
      await client.connect();
      return (await client.query(sql)).rows;
    } catch {
      return undefined;
    } finally {
      await client.end().catch(() => {});
    }
  }

  async function promote(): Promise<void> {
    await run(join(binaries.folder, "pg_ctl"), ["promote", "-w", "-D", primary.data], binaries.user ?? {});
    failovers++;
  }

  /** Copies the primary. Its commits wait until the copy is connected. */
  async function copyStandby(): Promise<void> {
    const to = standby;
    const attempt = async () => {
      await killWithSessions(to.server);
      await rm(to.data, { recursive: true, force: true });
      const source = ["-h", "127.0.0.1", "-p", String(primary.port), "-U", username, "-w"];
      const options = ["-D", to.data, "-R", "-X", "stream", "--checkpoint=fast", "--no-sync"];
      const env = { PATH: process.env.PATH, LC_ALL: "C", PGPASSWORD: password };
      await run(join(binaries.folder, "pg_basebackup"), [...source, ...options], { ...binaries.user, env });
      await to.server.start();
    };
    await attempt();
    const sql = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'";
    const isStreaming = async () => ((await query(primary.port, sql))?.length ?? 0) > 0 || !primary.server.isRunning();
    if (!(await eventually(isStreaming, Boolean, standbyMaxMs)) || !primary.server.isRunning()) {
      throw new Error("the standby does not follow the primary");
    }
    isInSync = true;
  }

  async function bringUp(): Promise<void> {
    if (isInSync) {
      [primary, standby] = [standby, primary];
      isInSync = false;
    } else {
      await primary.server.start();
    }
    const [state] = (await query(primary.port, "SELECT pg_is_in_recovery() AS standby")) ?? [];
    if ((state as { readonly standby?: boolean } | undefined)?.standby !== false) await promote();
    address.follow(primary.port);
    await copyStandby();
  }

  async function kill(): Promise<void> {
    await killWithSessions(primary.server);
    // No session may commit on it any more, and whatever was copied from it has failed.
    address.follow(undefined);
    await bringingUp.catch(() => {});
  }
  const outer: PostgresProgram = {
    name: "postgres",
    url: databaseUrl("postgres"),
    databaseUrl: (name) => databaseUrl(name),
    get failovers() {
      return failovers;
    },
    async start() {
      outer.launch();
      await outer.serves();
    },
    launch() {
      isBegun = true;
      bringingUp = bringUp();
      bringingUp.catch(() => {});
    },
    async serves() {
      await bringingUp;
      await Promise.all(databases.map((name) => query(primary.port, `SELECT '${name}'`)));
    },
    pid: () => primary.server.pid(),
    isRunning: () => isBegun && primary.server.isRunning(),
    signal: (signal) => primary.server.signal(signal === "SIGTERM" ? "SIGINT" : signal),
    async ended() {
      const code = await primary.server.ended();
      address.follow(undefined);
      await bringingUp.catch(() => {});
      return code;
    },
    kill,
    async dispose() {
      address.close();
      await killWithSessions(standby.server);
    },
    output: () => `${primary.server.output()}${standby.server.output()}`,
  };
  const quit = () => {
    address.close();
    for (const { server } of [primary, standby]) server.signal("SIGQUIT");
  };
  process.once("exit", quit);
  return outer;
}

/** SIGKILL for the server and its sessions, as when the machine fails: a session that is left may still commit. */
async function killWithSessions(server: Program): Promise<void> {
  const pid = server.pid();
  const sessions = pid === undefined ? [] : childrenOf(pid);
  server.signal("SIGKILL");
  for (const session of sessions) {
    try {
      process.kill(session, "SIGKILL");
    } catch {
      // It has ended with its parent.
    }
  }
  await server.ended();
}

/** From /proc: these servers run on Linux. */
function childrenOf(pid: number): readonly number[] {
  const isChild = (entry: string) => {
    try {
      // The parent's id follows the name in parentheses and the state (proc(5)).
      return Number(readFileSync(`/proc/${entry}/stat`, "utf8").split(") ")[1]?.split(" ")[1]) === pid;
    } catch {
      return false;
    }
  };
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && isChild(entry))
    .map(Number);
}
