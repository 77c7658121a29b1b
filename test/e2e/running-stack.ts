import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { services } from "@parley/cli";

/** The repository's top folder. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** How long `npm start` may take, in milliseconds: it takes two seconds, on a busy machine many more. */
const startMaxMs = 60_000;

/** The platform as a person starts it: `npm start`, its own processes, ports and databases. */
export interface RunningStack {
  /** Added to each service's port. */
  readonly portOffset: number;
  /** Where its databases and keys are. */
  readonly dataFolder: string;
  /** What `npm start` has written so far, to its output and error output. */
  readonly output: () => string;
  /** Presses Ctrl-C, and answers the exit code. Asked again it answers the same. */
  readonly stop: () => Promise<number | null>;
  /** Ends what still runs and removes the databases. */
  readonly dispose: () => Promise<void>;
}

/** Types `npm start` and waits until it says that Parley is up. `variables` are set in the shell that it is typed in. */
export async function npmStart(
  options: readonly string[] = [],
  variables: Readonly<Record<string, string>> = {},
): Promise<RunningStack> {
  for (let tries = 1; ; tries++) {
    try {
      return await startOnce(options, variables);
    } catch (error) {
      // Between looking and starting, another test may take a port.
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
    // A group of its own, as a terminal gives each command, so that Ctrl-C can reach all of it.
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  // npm's output closes when the last process of the stack has ended, which can be after npm: a shell that stays between npm and
  // the program, as dash does, dies of the same Ctrl-C, and npm with it. What the stack said then tells how it ended.
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

/** The exit code of a stack that said this. */
function endOf(output: string): number {
  const isUnclean = /calls were cut off|Killed/.test(output);
  return output.includes("All services have ended.") && !isUnclean ? 0 : 1;
}

/** What a terminal does on Ctrl-C: every process of the command's group gets the signal. */
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
      throw new Error(`npm start ${what}. It said:\n${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** So that the services' ports lie above those that the system gives to outgoing connections (60,999 at most). */
const firstOffset = 11_000;
/** Offsets to choose from, 20 apart: the services' ports lie closer together than that, and end below 65,536. */
const offsets = 190;

/** An offset at which every port is free. Begins anywhere, since several tests may look at once. */
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

/** The environment without what an outer `npm test` put there, and without what vitest means for itself alone. */
function withoutNpm(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(
      ([name]) => !/^(npm_|VITEST|NODE_ENV$|NODE_OPTIONS$|TEST$|DATABASE_URL$)/.test(name),
    ),
  );
}
