import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { root, runCommand } from "../../scripts/run-command.ts";

const cacheFolder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "parley", "deploy");
const requirementsFile = join(root, "test/deploy/requirements.txt");

/** The folder of the tools from PyPI, installed once for each version of requirements.txt; or the reason why they are missing. */
export async function pythonTools(): Promise<{ readonly folder: string } | { readonly missing: string }> {
  const hash = createHash("sha256")
    .update(await readFile(requirementsFile))
    .digest("hex")
    .slice(0, 12);
  const environment = join(cacheFolder, hash);
  const folder = join(environment, "bin");
  const mark = join(environment, "installed");
  if (await readFile(mark).then(Boolean, () => false)) {
    return { folder };
  }
  await mkdir(cacheFolder, { recursive: true });
  const made = await runCommand("python3", ["-m", "venv", environment], root);
  if (made.code !== 0) {
    return { missing: `Python's virtual environments are not installed: ${lastLine(made.output)}` };
  }
  const args = ["install", "--quiet", "--disable-pip-version-check", "-r", requirementsFile];
  const installed = await runCommand(join(folder, "pip"), args, root);
  if (installed.code !== 0) {
    return { missing: `pip install failed: ${lastLine(installed.output)}` };
  }
  await writeFile(mark, "");
  return { folder };
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
