import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheFolder, type FoundProgram, goProgram, isThere, lastLine, programPath } from "../processes/go-program.ts";

/** The path of a program, or the reason why it is missing. */
export type Program = FoundProgram;

export const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** grpc-go's interop client and server, built from `go/` at the versions of its go.mod. */
export function goPeer(): Promise<Program> {
  return goProgram({ name: "grpc-go-peer", sources: here("go"), target: ".", cache: "interop" });
}

/** h2spec, at the version of `go/go.mod`. */
export function h2spec(): Promise<Program> {
  const target = "github.com/summerwind/h2spec/cmd/h2spec";
  return goProgram({ name: "h2spec", sources: here("go"), target, cache: "interop" });
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
  if ((await programPath("python3")) === undefined) {
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
  const path = await programPath(name);
  return path === undefined ? { missing: `${name} is not installed` } : { path };
}

const run = promisify(execFile);

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
