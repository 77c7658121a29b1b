import type { TlsConfig } from "@parley/rpc/server";
import type { InteropContract } from "./contract.ts";
import { execute } from "./programs.ts";
import { serveTestService } from "./server.ts";

export interface H2specOutcome {
  /** For example "145 tests, 145 passed, 0 skipped, 0 failed". */
  readonly totals: string;
  /** Undefined if every test passed. */
  readonly problem: string | undefined;
}

/** Runs all of h2spec against Parley's server. There are no exceptions, and a skipped test counts as failed. */
export async function runH2spec(path: string, contract: InteropContract, tls?: TlsConfig): Promise<H2specOutcome> {
  const server = await serveTestService(contract, tls);
  try {
    const args = ["-h", "127.0.0.1", "-p", String(server.port), "-o", "5", ...(tls === undefined ? [] : ["-t", "-k"])];
    const { stdout, stderr } = await execute(path, args, 300_000);
    const totals = /^\d+ tests, (\d+) passed, (\d+) skipped, (\d+) failed$/m.exec(stdout);
    if (totals === null) {
      return { totals: "no totals", problem: `it printed no totals: ${stderr.trim()}` };
    }
    const [line, passed, skipped, failed] = totals;
    const complete = Number(passed) > 0 && Number(skipped) === 0 && Number(failed) === 0;
    const wrong = stdout.split("\n").flatMap((each) => (each.includes("×") ? [each.trim()] : []));
    return { totals: line, problem: complete ? undefined : `${line}: ${[...new Set(wrong)].join("; ")}` };
  } finally {
    await server.close();
  }
}
