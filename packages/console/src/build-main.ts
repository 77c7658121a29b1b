// `npm run build:console`: bundles the page if its sources have changed, and prints its size. Exits with code 1 if it is too large. `--force`
// always bundles.
import { buildConsole } from "./build.ts";
import { type BuiltPage, readBuiltPage } from "./built-page.ts";
import { sizeReport } from "./size-report.ts";
import { isConsoleBuilt } from "./source-hash.ts";

const beganAt = performance.now();
const current = await built().catch((error: unknown) => {
  // The bundler's message has file, line and code; a stack trace of it adds nothing.
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
if (current) {
  const { lines, problems } = sizeReport(current.files);
  process.exitCode = problems.length > 0 ? 1 : 0;
  console.log([...lines, `Built in ${((performance.now() - beganAt) / 1_000).toFixed(2)} s.`, ...problems].join("\n"));
}

async function built(): Promise<BuiltPage | undefined> {
  return process.argv.includes("--force") || !(await isConsoleBuilt()) ? buildConsole() : readBuiltPage();
}
