import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { root } from "../../scripts/run-command.ts";
import type { Platform } from "./platform.ts";

const run = promisify(execFile);

/** Runs deploy/smoke.sh against the proxy. Returns its last line. */
export async function smoke({ proxy }: Pick<Platform, "proxy">): Promise<string> {
  const environment = { ...process.env, CURL_CA_BUNDLE: process.env.NODE_EXTRA_CA_CERTS };
  try {
    const { stdout } = await run("sh", ["deploy/smoke.sh", proxy.url], { cwd: root, env: environment });
    return stdout.trim().split("\n").at(-1) ?? "";
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${stdout}${stderr}`);
  }
}
