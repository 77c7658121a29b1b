import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { access, mkdir, readFile, rename } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The path of a program, or the reason why it is missing. */
export type Program = { readonly path: string } | { readonly missing: string };

/** The cache of programs that take long to build. */
export const cacheFolder: string = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "parley");

export const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** grpc-go's interop client and server, built from `go/` at the versions of its go.mod. */
export function goPeer(): Promise<Program> {
  return goProgram("grpc-go-peer", ".");
}

/** h2spec, at the version of `go/go.mod`. */
export function h2spec(): Promise<Program> {
  return goProgram("h2spec", "github.com/summerwind/h2spec/cmd/h2spec");
}

/** Builds a program once for each version of the sources. */
async function goProgram(name: string, target: string): Promise<Program> {
  const sources = await Promise.all(["go.mod", "go.sum", "main.go"].map((file) => readFile(here(`go/${file}`))));
  const hash = createHash("sha256").update(Buffer.concat(sources)).digest("hex").slice(0, 12);
  const path = join(cacheFolder, "interop", `${name}-${hash}`);
  if (await isThere(path)) {
    return { path };
  }
  if ((await which("go")) === undefined) {
    return { missing: "Go is not installed" };
  }
  await mkdir(join(cacheFolder, "interop"), { recursive: true });
  try {
    await run("go", ["build", "-o", `${path}.part`, target], { cwd: here("go") });
  } catch (error) {
    return { missing: `${name} could not be built: ${lastLine(error)}` };
  }
  await rename(`${path}.part`, path);
  return { path };
}

/** A Python with grpcio at the version of `grpcio/requirements.txt`, in its own virtual environment. */
export async function grpcioPython(): Promise<Program> {
  const requirements = here("grpcio/requirements.txt");
  const hash = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex")
    .slice(0, 12);
  const folder = join(cacheFolder, "interop", `grpcio-${hash}`);
  const path = join(folder, "bin", "python");
  if (await isThere(join(folder, "installed"))) {
    return { path };
  }
  if ((await which("python3")) === undefined) {
    return { missing: "Python is not installed" };
  }
  try {
    await mkdir(folder, { recursive: true });
    await run("python3", ["-m", "venv", folder]);
    await run(path, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]);
    await run("touch", [join(folder, "installed")]);
  } catch (error) {
    return { missing: `grpcio could not be installed: ${lastLine(error)}` };
  }
  return { path };
}

/** An installed program. */
export async function machineProgram(name: string): Promise<Program> {
  const path = await which(name);
  return path === undefined ? { missing: `${name} is not installed` } : { path };
}

async function which(name: string): Promise<string | undefined> {
  // nginx and haproxy are in folders that only root's PATH contains.
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), join(cacheFolder, "bin"), "/usr/sbin"]) {
    if (await isThere(join(folder, name))) {
      return join(folder, name);
    }
  }
  return undefined;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

const run = promisify(execFile);

function lastLine(error: unknown): string {
  const { stderr = "", message = String(error) } = error as { readonly stderr?: string; readonly message?: string };
  return stderr.trim().split("\n").at(-1) || message;
}

/** A program's output and exit code. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program until it exits. It is killed after `timeoutMs`. */
export function execute(path: string, args: readonly string[], timeoutMs = 600_000): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { stdio: ["ignore", "pipe", "pipe"], timeout: timeoutMs, killSignal: "SIGKILL" });
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...output }));
  });
}

/** Starts a program that prints its port as its first line. */
export async function startServer(
  path: string,
  args: readonly string[],
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const child = spawn(path, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.setEncoding("utf8").once("data", (text: string) => resolve(Number(text)));
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`${path} ended with ${code}`)));
  });
  return {
    port,
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
