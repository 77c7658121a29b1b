// `npm run build:console`: bundles the page if its sources have changed, and prints its size. Exits with code 1 if it is too large. `--force`
// always bundles.
import { buildConsole } from "./build.ts";
import { readBuiltPage } from "./built-page.ts";
import { sizeReport } from "./size-report.ts";
import { isConsoleBuilt } from "./source-hash.ts";

const beganAt = performance.now();
const current =
  process.argv.includes("--force") || !(await isConsoleBuilt()) ? await buildConsole() : await readBuiltPage();
if (current !== undefined) {
  const { lines, problems } = sizeReport(current.files);
  process.exitCode = problems.length > 0 ? 1 : 0;
  console.log([...lines, `Made in ${((performance.now() - beganAt) / 1_000).toFixed(2)} s.`, ...problems].join("\n"));
}
