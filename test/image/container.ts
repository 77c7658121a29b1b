import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { buildah } from "./build-image.ts";

const run = promisify(execFile);

/** A process in a container, with its own signals and exit code. */
export interface ContainerProcess {
  readonly ended: Promise<number | string>;
  output(): string;
  /** Sends a signal to process 1 of the container. */
  signal(name: NodeJS.Signals): Promise<void>;
}

export interface ContainerOptions {
  readonly environment: Readonly<Record<string, string>>;
}

/** The image's root file system, with programs started in it. */
export interface Container {
  start(command: readonly string[], options: ContainerOptions): ContainerProcess;
  /** The image's configuration from `buildah inspect`. */
  readonly config: ImageConfig;
  remove(): Promise<void>;
}

interface ImageConfig {
  readonly User: string;
  readonly Entrypoint: readonly string[];
  readonly Env: readonly string[];
  readonly StopSignal: string;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

/**
 * Mounts an image without a container engine. Its programs run as an orchestrator starts them: in their own PID namespace, as
 * the image's user, with a read-only root file system and /tmp in memory.
 */
export async function openContainer(folder: string, image: string): Promise<Container> {
  const name = await buildah(folder, ["from", image]);
  const root = await buildah(folder, ["mount", name]);
  const { Docker } = JSON.parse(await buildah(folder, ["inspect", "--type", "image", image])) as {
    readonly Docker: { readonly config: ImageConfig };
  };
  const { config } = Docker;
  const script = `
    set -e
    mount --bind "$ROOT" "$ROOT"
    mount -t tmpfs tmpfs "$ROOT/tmp"
    mkdir -p "$ROOT/proc" 2>/dev/null || true
    mount -t proc proc "$ROOT/proc" 2>/dev/null || true
    mount -o remount,bind,ro "$ROOT"
    exec env -i $VARIABLES "$(command -v chroot)" --userspec="$USER_IDS" "$ROOT" "$@"`;
  return {
    config,
    start(command, { environment }) {
      const variables = [...config.Env, ...Object.entries(environment).map(([key, value]) => `${key}=${value}`)];
      const child = spawn(
        "unshare",
        ["--mount", "--pid", "--fork", "--kill-child", "bash", "-c", script, "container", ...command],
        {
          env: { PATH: process.env.PATH, ROOT: root, USER_IDS: config.User, VARIABLES: variables.join(" ") },
          stdio: ["ignore", "pipe", "pipe"],
        },
      );
      return containerProcess(child);
    },
    remove: async () => {
      await buildah(folder, ["rm", name]);
    },
  };
}

function containerProcess(child: ChildProcess): ContainerProcess {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string);
  return {
    ended,
    output: () => output,
    async signal(name) {
      // Process 1 is the only child of `unshare --fork`, which waits for it.
      const { stdout } = await run("pgrep", ["-P", String(child.pid)]);
      process.kill(Number(stdout.trim()), name);
    },
  };
}
