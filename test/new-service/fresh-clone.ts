import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readlink, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "../e2e/running-stack.ts";

/** A clone of this repository in its current state, with uncommitted changes and dependencies. */
export interface FreshClone extends AsyncDisposable {
  readonly folder: string;
  /** Runs a script of the clone with Node, and returns its output. Rejects with all its output if it fails. */
  run(script: string, ...args: readonly string[]): Promise<string>;
  /** Starts a script of the clone, and resolves once its output contains `ready`. */
  start(ready: string, script: string, ...args: readonly string[]): Promise<ChildProcess>;
  install(): Promise<void>;
  /** Runs git in the clone, and returns its output. */
  git(...args: readonly string[]): Promise<string>;
}

/** A timeout that only a hanging program reaches, in milliseconds. */
const runMaxMs = 600_000;

/** Creates the clone in a temporary folder. Disposing it kills the processes that were started in it. */
export async function freshClone(): Promise<FreshClone> {
  const folder = await mkdtemp(join(tmpdir(), "parley-clone-"));
  const git = (...args: readonly string[]) => command("git", args, folder);
  const listed = await command("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], root);
  for (const path of listed.split("\0").filter(Boolean)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await cp(join(root, path), join(folder, path), { force: true, verbatimSymlinks: true }).catch(ignoreMissing);
  }
  await linkDependencies(folder);
  await git("init", "--quiet", "--initial-branch", "main");
  await git("add", "--all");
  await git("-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "--message", "Begin");
  const running = new Set<ChildProcess>();
  return {
    folder,
    git,
    run: (script, ...args) => command(process.execPath, [join(folder, script), ...args], folder),
    async start(ready, script, ...args) {
      const child = spawn(process.execPath, [join(folder, script), ...args], { cwd: folder, env: environment() });
      running.add(child);
      await untilPrinted(child, ready);
      return child;
    },
    async install() {
      await command("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], folder);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...running].map(stopped));
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Ignores a file that was deleted and is still in git's index. */
function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") {
    throw error;
  }
}

/** Links the third-party packages of this clone, and the platform's packages of the fresh one. */
async function linkDependencies(folder: string): Promise<void> {
  const [from, to] = [join(root, "node_modules"), join(folder, "node_modules")];
  await mkdir(join(to, "@parley"), { recursive: true });
  for (const name of await readdir(from)) {
    if (name === ".package-lock.json") {
      await cp(join(from, name), join(to, name));
    } else if (!["@parley", ".cache", ".vite", ".vitest"].includes(name)) {
      await symlink(join(from, name), join(to, name), "junction");
    }
  }
  for (const name of await readdir(join(from, "@parley"))) {
    await symlink(await readlink(join(from, "@parley", name)), join(to, "@parley", name), "junction");
  }
}

function environment(): NodeJS.ProcessEnv {
  const ours = /^(npm_|VITEST|NODE_ENV$|NODE_OPTIONS$|TEST$|DATABASE_URL$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}

function command(program: string, args: readonly string[], folder: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env: environment(), timeout: runMaxMs, maxBuffer: 64 * 1024 * 1024 };
    execFile(program, args, options, (error, output, errorOutput) => {
      if (error === null) {
        resolve(output);
      } else {
        reject(new Error(`${program} ${args.join(" ")} failed:\n${output}${errorOutput}`));
      }
    });
  });
}

function untilPrinted(child: ChildProcess, ready: string): Promise<void> {
  let output = "";
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (output.includes(ready)) {
          resolve();
        }
      });
    }
    child.once("close", (code) => reject(new Error(`ended with ${code} before it said "${ready}":\n${output}`)));
  });
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const closed = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGINT");
    await closed;
  }
}
