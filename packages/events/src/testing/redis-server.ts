import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A Redis server for a test, on a free port, with its own folder. */
export interface TestRedis {
  readonly url: string;
  /** Stops it. With `keepData` it saves its data first, as a clean shutdown does; without, they are lost. */
  stop(options: { readonly keepData: boolean }): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  /** Stops it and removes its folder. */
  dispose(): Promise<void>;
}

/** The path of `redis-server`, or undefined. */
export function findRedisServer(): string | undefined {
  try {
    return execFileSync("sh", ["-c", "command -v redis-server"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

export async function startTestRedis(program: string): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), "parley-redis-"));
  const port = await freePort();
  let server: ChildProcess | undefined;

  async function start() {
    server = spawn(
      program,
      ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--daemonize", "no"],
      {
        stdio: "ignore",
      },
    );
    await untilConnects(port);
  }

  async function stop({ keepData }: { readonly keepData: boolean }) {
    const process = server;
    if (process === undefined) {
      return;
    }
    server = undefined;
    const exited = once(process, "exit");
    if (keepData) {
      sendCommand(port, "SHUTDOWN SAVE");
    } else {
      rmSync(join(folder, "dump.rdb"), { force: true });
      process.kill("SIGKILL");
    }
    await exited;
  }

  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    stop,
    async dispose() {
      await stop({ keepData: false });
      rmSync(folder, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") {
    throw new Error("no free port");
  }
  return address.port;
}

function sendCommand(port: number, command: string) {
  const socket = connect(port, "127.0.0.1", () => socket.end(`${command}\r\n`));
  socket.on("error", () => {});
}

/** Redis starts in well under a second; a busy machine may need longer. */
const startMaxMs = 10_000;

async function untilConnects(port: number): Promise<void> {
  const startMs = performance.now();
  while (performance.now() - startMs < startMaxMs) {
    if (await connects(port)) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`redis-server did not answer on port ${port}`);
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("data", () => {
      resolve(true);
      socket.destroy();
    });
    socket.on("error", () => resolve(false));
    socket.on("close", () => resolve(false));
    socket.write("PING\r\n");
  });
}
