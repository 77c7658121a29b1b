import type { CaseName, CaseResults } from "./cases.ts";
import { execute, here } from "./programs.ts";

interface Call {
  /** host:port. */
  readonly address: string;
  readonly soakIterations: number;
  /** The CA certificate of the server, PEM. Without it there is no TLS. */
  readonly caFile?: string;
}

/** Runs cases with grpc-go's client. Each case has its own process, because a failed case ends the process. */
export async function runGoCases(path: string, names: readonly CaseName[], call: Call): Promise<CaseResults> {
  const results = new Map<CaseName, string | undefined>();
  for (const name of names) {
    const { code, stderr } = await execute(path, [
      "-address",
      call.address,
      "-case",
      name,
      "-soak-iterations",
      String(call.soakIterations),
      ...(call.caFile === undefined ? [] : ["-ca", call.caFile]),
    ]);
    results.set(name, code === 0 ? undefined : (stderr.trim().split("\n").at(-1) ?? `exit code ${code}`));
  }
  return results;
}

/** Runs cases with grpcio's client, in one process that prints a line for each. */
export async function runGrpcioCases(
  path: string,
  names: readonly CaseName[],
  { address, soakIterations, contractFile }: Call & { readonly contractFile: string },
): Promise<CaseResults> {
  const args = [here("grpcio/client.py"), contractFile, address, String(soakIterations), ...names];
  const { stdout, stderr, code } = await execute(path, args);
  const lines = new Map(
    stdout
      .split("\n")
      .filter((line) => line.includes(" "))
      .map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]),
  );
  return new Map(
    names.map((name) => {
      const said = lines.get(name);
      return [name, said === "ok" ? undefined : (said ?? `ended with ${code}: ${stderr.trim().split("\n").at(-1)}`)];
    }),
  );
}
