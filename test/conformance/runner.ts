import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The suite's version. Later versions need a newer Go than some machines have. */
const version = "v1.0.6";
const program = "connectconformance";
const module = "connectrpc.com/conformance";

/** The suite's runner, and the folder of its contract. */
export interface Runner {
  readonly program: string;
  readonly protoFolder: string;
}

/** Finds the runner, or builds it with Go into the user's cache. Returns the reason if neither is possible. */
export async function findRunner(): Promise<Runner | { readonly missing: string }> {
  const go = await which("go");
  if (go === undefined) {
    return { missing: `there is no Go on this machine, which ${module} (the official suite) is written in` };
  }
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "parley", `${program}-${version}`);
  const found = (await which(program, folder)) ?? (await installed()) ?? (await build(go, folder));
  return typeof found === "string" ? { program: found, protoFolder: await protoFolder(go) } : found;
}

/** The runner on the PATH, if it has the right version. */
async function installed(): Promise<string | undefined> {
  const found = await which(program);
  if (found === undefined) {
    return undefined;
  }
  const { stdout } = await run("go", ["version", "-m", found]);
  return stdout.includes(`${module}\t${version}`) ? found : undefined;
}

async function build(go: string, folder: string): Promise<string | { readonly missing: string }> {
  console.log(`building ${program} ${version} with Go, once; this takes about a minute`);
  try {
    await run(go, ["install", `${module}/cmd/${program}@${version}`], { env: { ...process.env, GOBIN: folder } });
    return join(folder, program);
  } catch (error) {
    return { missing: `Go could not build ${program} ${version}: ${error instanceof Error ? error.message : error}` };
  }
}

async function protoFolder(go: string): Promise<string> {
  const { stdout } = await run(go, ["mod", "download", "-json", `${module}@${version}`]);
  return join((JSON.parse(stdout) as { readonly Dir: string }).Dir, "proto");
}

async function which(name: string, ...folders: string[]): Promise<string | undefined> {
  const path = folders.length > 0 ? folders : (process.env.PATH ?? "").split(delimiter);
  for (const folder of path) {
    const file = join(folder, name);
    try {
      await access(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}
