import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { services } from "@parley/cli";

/** The repository's root folder. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** The start timeout of `npm start`, in milliseconds. It takes two seconds, and far more on a busy machine. */
const startMaxMs = 60_000;

/** The platform started by `npm start`, with its own processes, ports and databases. */
export interface RunningStack {
  /** Added to the port of each service. */
  readonly portOffset: number;
  /** The folder of its databases and keys. */
  readonly dataFolder: string;
  /** The output of `npm start` so far, stdout and stderr. */
  readonly output: () => string;
  /** Sends Ctrl-C, and returns the exit code. Repeated calls return the same. */
  readonly stop: () => Promise<number | null>;
  /** Kills remaining processes and removes the databases. */
  readonly dispose: () => Promise<void>;
}

/** Runs `npm start` and waits until it reports that Parley is up. `variables` are added to its environment. */
export async function npmStart(
  options: readonly string[] = [],
  variables: Readonly<Record<string, string>> = {},
): Promise<RunningStack> {
  for (let tries = 1; ; tries++) {
    try {
      return await startOnce(options, variables);
    } catch (error) {
      // Another test may take a port between the check and the start.
      if (tries === startTriesMax || !/ is taken|EADDRINUSE/.test(String(error))) {
        throw error;
      }
    }
  }
}

const startTriesMax = 3;

async function startOnce(
  options: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<RunningStack> {
  const folder = await mkdtemp(join(tmpdir(), "parley-e2e-"));
  const portOffset = await freeOffset();
  const dataFolder = join(folder, "data");
  const args = ["start", "--", "--port-offset", String(portOffset), "--data", dataFolder, ...options];
  const child = spawn("npm", args, {
    cwd: root,
    env: { ...withoutNpm(process.env), ...variables },
    stdio: ["ignore", "pipe", "pipe"],
    // A process group of its own, as a terminal creates for each command, so that Ctrl-C reaches all its processes.
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  // npm's output closes when the last process of the stack has exited, which can be after npm's exit: a shell that stays between npm
  // and the program, such as dash, is ended by the same Ctrl-C, and npm with it. The stack's output then determines the result.
  const exitCode = new Promise<number | null>((resolve) =>
    child.once("close", (code, signal) => resolve(signal === "SIGINT" ? endOf(output) : code)),
  );
  let stopping: Promise<number | null> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      signalGroup(child, "SIGINT");
      return exitCode;
    })();
    return stopping;
  };
  const dispose = async () => {
    if (child.exitCode === null) {
      await stop();
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilUp(() => output, exitCode);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { portOffset, dataFolder, output: () => output, stop, dispose };
}

/** The exit code of a stack with this output. */
function endOf(output: string): number {
  const isUnclean = /calls were cut off|Killed/.test(output);
  return output.includes("All services have ended.") && !isUnclean ? 0 : 1;
}

/** Ctrl-C in a terminal: every process of the command's group gets the signal. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid !== undefined && child.exitCode === null) {
    process.kill(-child.pid, signal);
  }
}

async function untilUp(output: () => string, exitCode: Promise<number | null>): Promise<void> {
  let code: number | null | undefined;
  exitCode.then((ended) => {
    code = ended;
  });
  const deadline = Date.now() + startMaxMs;
  while (!output().includes("Parley is up.")) {
    if (code !== undefined || Date.now() > deadline) {
      const what = code === undefined ? `was not up after ${startMaxMs} ms` : `ended with ${code}`;
      throw new Error(`npm start ${what}. Output:\n${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The services' ports are above the range of ephemeral ports (60,999 at most). */
const firstOffset = 11_000;
/** The number of offsets, 20 apart: the services' ports span less than that, and end below 65,536. */
const offsets = 190;

/** An offset at which every port is free. Starts at a random one, since several tests may search concurrently. */
export async function freeOffset(): Promise<number> {
  const first = Math.floor(Math.random() * offsets);
  for (let tried = 0; tried < offsets; tried++) {
    const offset = firstOffset + ((first + tried) % offsets) * 20;
    if ((await Promise.all(services.map(({ port }) => isFree(port + offset)))).every(Boolean)) {
      return offset;
    }
  }
  throw new Error("no free ports");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** The environment without the variables of an outer `npm test` and of vitest. */
function withoutNpm(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(
      ([name]) => !/^(npm_|VITEST|NODE_ENV$|NODE_OPTIONS$|TEST$|DATABASE_URL$)/.test(name),
    ),
  );
}
