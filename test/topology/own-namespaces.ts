import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { execute, machineProgram } from "../interop/programs.ts";

/** Unshares network, mounts and process ids. The processes inside are killed when the first one ends or is killed. */
const unshare = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/** Why this machine does not allow namespaces. Undefined if it does. */
export async function reasonAgainstNamespaces(): Promise<string | undefined> {
  for (const program of ["unshare", "nsenter", "ip", "chroot"]) {
    const found = await machineProgram(program);
    if ("missing" in found) {
      return found.missing;
    }
  }
  if (process.getuid?.() !== 0) {
    return "this user is not root";
  }
  const script = "ip link add front type bridge && ip link add one type veth peer name other";
  const { code, stderr } = await execute("unshare", [...unshare, "sh", "-c", script], 20_000);
  return code === 0 ? undefined : `${stderr.trim().split("\n")[0] ?? ""} (unshare ${unshare.join(" ")})`;
}

export interface InsideOptions {
  readonly script: string;
  readonly args: readonly string[];
  /** Whether it gets namespaces of its own. */
  readonly namespaces: boolean;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Runs a script in a process, with namespaces of its own if they are allowed, and returns its exit code. SIGINT and SIGTERM send it the message
 * `stop`; it gets `disconnect` if this process ends.
 */
export async function runInside({ script, args, namespaces, environment }: InsideOptions): Promise<number> {
  const command = [process.execPath, script, ...args];
  const [program, ...rest] = (namespaces ? ["unshare", ...unshare, ...command] : command) as [string, ...string[]];
  const child: ChildProcess = spawn(program, rest, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, ...environment },
  });
  const stop = () => child.connected && child.send("stop");
  process.on("SIGINT", stop).on("SIGTERM", stop);
  const [code] = (await once(child, "close")) as [number | null];
  process.off("SIGINT", stop).off("SIGTERM", stop);
  return code ?? 1;
}
