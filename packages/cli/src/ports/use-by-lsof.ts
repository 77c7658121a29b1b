import type { PortUse } from "./port-use.ts";
import { outputOf } from "./system-command.ts";

/** macOS and the BSDs: lsof(8). */
export async function useByLsof(port: number): Promise<PortUse> {
  const output = await outputOf("lsof", ["-nP", `-iTCP:${port}`, "-FpnT"]);
  if (output === undefined) {
    return { kind: "unknown" };
  }
  const found = socketOf(port, output);
  if (found === undefined) {
    return { kind: "none" };
  }
  const { kind, pid } = found;
  return {
    kind,
    owner: { pid, command: ((await outputOf("ps", ["-o", "command=", "-p", String(pid)])) ?? "").trim() },
  };
}

/**
 * The socket with this local port, from lsof's output for programs (lsof(8), "OUTPUT FOR OTHER PROGRAMS"): `p` begins a
 * process, `n` a name such as `127.0.0.1:50051` or `127.0.0.1:40000->127.0.0.1:50051`. A listening socket takes precedence.
 */
export function socketOf(port: number, output: string): { kind: "listening" | "connected"; pid: number } | undefined {
  let pid = 0;
  let connected: number | undefined;
  for (const line of output.split("\n")) {
    if (line.startsWith("p")) {
      pid = Number(line.slice(1));
    } else if (line.startsWith("n")) {
      const [local = "", remote] = line.slice(1).split("->");
      if (local.endsWith(`:${port}`)) {
        if (remote === undefined) {
          return { kind: "listening", pid };
        }
        connected ??= pid;
      }
    }
  }
  return connected === undefined ? undefined : { kind: "connected", pid: connected };
}
