import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { contractVariable } from "./contract.ts";
import { findRunner, type Runner } from "./runner.ts";

/**
 * `npm run conformance`: the official Connect conformance suite against packages/rpc, as a server and as a client.
 * `npm run conformance -- server` runs one of {@link targets}; further arguments go to the suite's runner, for example
 * `-- server --run "**\/unary/**" --trace`.
 */
async function main([first, ...rest]: readonly string[]): Promise<number> {
  const runner = await findRunner();
  if ("missing" in runner) {
    console.log(`The conformance suite was not run: ${runner.missing}.`);
    return 0;
  }
  const only = targets.find(({ name }) => name === first);
  const args = only !== undefined || first === undefined ? rest : [first, ...rest];
  const folder = await mkdtemp(join(tmpdir(), "parley-conformance-"));
  try {
    const contract = join(folder, "contract.binpb");
    await expectSuccess("buf", ["build", runner.protoFolder, "-o", contract]);
    let failed = 0;
    for (const target of only === undefined ? targets : [only]) {
      console.log(`\n${target.name}:`);
      failed += (await runTarget(runner, { target, args, contract })) === 0 ? 0 : 1;
    }
    return failed === 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A server or client under test. */
interface Target {
  readonly name: string;
  readonly mode: "server" | "client";
  /** Environment variables that select an implementation. */
  readonly variables?: Readonly<Record<string, string>>;
  /** The suite's configuration. By default every protocol that Parley supports. */
  readonly config?: "config.yaml" | "config-http2.yaml";
}

const targets: readonly Target[] = [
  { name: "server", mode: "server" },
  { name: "stock-server", mode: "server", variables: { RPC_PATH: "stock" } },
  { name: "node-server", mode: "server", variables: { HTTP2_IMPLEMENTATION: "node" }, config: "config-http2.yaml" },
  { name: "client", mode: "client" },
  // Streams over Connect's own transports.
  { name: "stock-client", mode: "client", variables: { PARLEY_CLIENT_STREAMS: "stock" } },
  { name: "node-client", mode: "client", variables: { HTTP2_IMPLEMENTATION: "node" }, config: "config-http2.yaml" },
];

interface Run {
  readonly target: Target;
  readonly args: readonly string[];
  readonly contract: string;
}

function runTarget({ program }: Runner, { target, args, contract }: Run): Promise<number> {
  const { mode, variables, config = "config.yaml" } = target;
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const command = [process.execPath, "--no-warnings", here(`${mode}.ts`)];
  return execute(
    program,
    ["--conf", here(config), "--mode", mode, "--max-servers", "2", "-v", ...args, "--", ...command],
    {
      [contractVariable]: contract,
      ...variables,
    },
  );
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
