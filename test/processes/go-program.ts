import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, mkdir, readFile, rename } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

/** The path of a program, or the reason why it is missing. */
export type FoundProgram = { readonly path: string } | { readonly missing: string };

/** The cache of programs that take long to build. */
export const cacheFolder: string = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "parley");

export interface GoProgramOptions {
  readonly name: string;
  /** The folder of go.mod, go.sum and main.go. */
  readonly sources: string;
  /** The package to build: `.`, or a tool of go.mod. */
  readonly target: string;
  /** The folder in the cache. */
  readonly cache: string;
}

/** Builds a Go program once for each version of its sources, and keeps it in the user's cache. */
export async function goProgram({ name, sources, target, cache }: GoProgramOptions): Promise<FoundProgram> {
  const files = await Promise.all(["go.mod", "go.sum", "main.go"].map((file) => readFile(join(sources, file))));
  const hash = createHash("sha256").update(Buffer.concat(files)).digest("hex").slice(0, 12);
  const path = join(cacheFolder, cache, `${name}-${hash}`);
  if (await isThere(path)) {
    return { path };
  }
  if ((await programPath("go")) === undefined) {
    return { missing: "Go is not installed" };
  }
  await mkdir(dirname(path), { recursive: true });
  try {
    await promisify(execFile)("go", ["build", "-o", `${path}.part`, target], { cwd: sources });
  } catch (error) {
    return { missing: `${name} could not be built: ${lastLine(error)}` };
  }
  await rename(`${path}.part`, path);
  return { path };
}

/** The path of an installed program. */
export async function programPath(name: string): Promise<string | undefined> {
  // nginx and haproxy are in folders that only root's PATH contains.
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), join(cacheFolder, "bin"), "/usr/sbin"]) {
    if (await isThere(join(folder, name))) {
      return join(folder, name);
    }
  }
  return undefined;
}

export async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The last line of a failed command's error output. */
export function lastLine(error: unknown): string {
  const { stderr = "", message = String(error) } = error as { readonly stderr?: string; readonly message?: string };
  return stderr.trim().split("\n").at(-1) || message;
}
