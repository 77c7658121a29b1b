import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const main = fileURLToPath(new URL("./command/main.ts", import.meta.url));
/** The maximum output: far more than one seed's history. */
const outputBytesMax = 64 * 1024 * 1024;

/** Runs `npm run simulate` without npm. */
export async function runCommand(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly output: string }> {
  const options = { maxBuffer: outputBytesMax };
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], options);
    return { code: 0, output: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string };
    return { code: code ?? -1, output: `${stdout}${stderr}` };
  }
}
