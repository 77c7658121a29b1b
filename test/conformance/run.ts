import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { contractVariable } from "./contract.ts";
import { findRunner, type Runner } from "./runner.ts";

/**
 * `npm run conformance`: the official Connect conformance suite against packages/rpc, as a server and as a client.
 * `npm run conformance -- server` or `client` runs one half; what comes after goes to the suite's runner, for example
 * `-- server --run "**\/unary/**" --trace`.
 */
async function main([first, ...rest]: readonly string[]): Promise<number> {
  const runner = await findRunner();
  if ("missing" in runner) {
    console.log(`The conformance suite was not run: ${runner.missing}.`);
    return 0;
  }
  const only = first === "server" || first === "client";
  const halves: readonly Half["half"][] = only ? [first] : ["server", "stock server", "client", "stock client"];
  const args = only || first === undefined ? rest : [first, ...rest];
  const folder = await mkdtemp(join(tmpdir(), "parley-conformance-"));
  try {
    const contract = join(folder, "contract.binpb");
    await expectSuccess("buf", ["build", runner.protoFolder, "-o", contract]);
    let failed = 0;
    for (const half of halves) {
      console.log(`\n${half}:`);
      failed += (await runHalf(runner, { half, args, contract })) === 0 ? 0 : 1;
    }
    return failed === 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Half {
  /** The stock server is ours with `RPC_PATH=stock`, the stock client ours with streams through the stock transports. */
  readonly half: "server" | "stock server" | "client" | "stock client";
  readonly args: readonly string[];
  readonly contract: string;
}

function runHalf({ program }: Runner, { half, args, contract }: Half): Promise<number> {
  const mode = half.endsWith("client") ? "client" : "server";
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const command = [process.execPath, "--no-warnings", here(`${mode}.ts`)];
  return execute(program, ["--conf", here("config.yaml"), "--mode", mode, "-v", ...args, "--", ...command], {
    [contractVariable]: contract,
    ...(half === "stock server" ? { RPC_PATH: "stock" } : {}),
    ...(half === "stock client" ? { PARLEY_CLIENT_STREAMS: "stock" } : {}),
  });
}

async function expectSuccess(command: string, args: readonly string[]): Promise<void> {
  const code = await execute(command, args);
  if (code !== 0) {
    throw new Error(`${command} ended with ${code}`);
  }
}

function execute(command: string, args: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, ...variables } });
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

process.exitCode = await main(process.argv.slice(2));
