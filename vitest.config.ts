import { defineConfig } from "vitest/config";

/** These take both cores for a minute or more: beside them, whatever has a deadline of a second or two would miss it. */
const heavy = ["test/crash/**/*.test.ts", "test/hostile/hostile.test.ts"];

/** These compute for minutes, and have clocks of their own: one on each core. */
const simulation = ["test/simulation/**/*.test.ts"];

/** These take a minute each, and are about the repository or the stack as a whole: `npm run test:long` runs them, after `npm test` in .ci/run. */
const long = [
  "test/packed/packed.test.ts",
  "test/packed/platform.test.ts",
  "test/telemetry/order-telemetry.test.ts",
  "test/telemetry/command-line.test.ts",
  "test/e2e/starts.test.ts",
  "test/e2e/client-package.test.ts",
  "test/e2e/readme.test.ts",
  "test/e2e/up-watch.test.ts",
  "test/e2e/guest-orders.test.ts",
  "test/backup/backup.test.ts",
  "test/conformance/fuzz/fuzz.test.ts",
  "packages/cli/src/commands/up-start.test.ts",
];

/** Installs and checks a fresh clone with a new service, for several minutes: .ci/nightly runs it. */
const nightly = ["test/new-service/**/*.test.ts"];

/** One more than the two cores of the machines that run this: tests of real processes and sockets spend much of their time waiting. */
const maxWorkers = 3;

/** What starts real processes or takes long: `npm run test:quick` leaves it out. */
const slow = [
  "test/e2e/**",
  "test/telemetry/**",
  "test/rest/**",
  "test/interop/**",
  "test/languages/**",
  "test/conformance/fuzz/**",
  "**/*-process.test.ts",
  "**/run-service.test.ts",
  "**/fuzz.test.ts",
  "**/hostile/**",
  "packages/events/src/broker/broker.test.ts",
  "packages/notification/src/sending/sender.test.ts",
  "packages/rpc/src/client/wire/streams/streams.test.ts",
  "packages/cli/src/commands/up*.test.ts",
];

/** A project that runs only if it is asked for by name, one file at a time. */
const onlyByName = (name: string, files: readonly string[], groupOrder: number) => ({
  extends: true as const,
  test: {
    name,
    include: process.argv.includes(name) ? [...files] : [],
    maxWorkers: 1,
    sequence: { groupOrder },
  },
});

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "tests",
          include: ["packages/*/{src,page}/**/*.test.ts", "test/**/*.test.ts"],
          exclude: [...heavy, ...simulation, ...long, ...nightly],
          maxWorkers,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "quick",
          // Only where it is asked for by name: its files are among those of "tests".
          include: process.argv.includes("quick") ? ["packages/*/{src,page}/**/*.test.ts", "test/**/*.test.ts"] : [],
          exclude: [...heavy, ...simulation, ...long, ...nightly, ...slow],
          maxWorkers,
        },
      },
      {
        extends: true,
        test: {
          name: "simulation",
          include: simulation,
          maxWorkers: 2,
          testTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: { name: "heavy", include: heavy, maxWorkers: 1, sequence: { groupOrder: 2 } },
      },
      onlyByName("long", long, 3),
      onlyByName("nightly", nightly, 4),
    ],
    // On a database server, test clocks wait for its answers.
    setupFiles: process.env.PARLEY_TEST_POSTGRES === undefined ? [] : ["test/postgres/settle.ts"],
    // A thread starts in a third of the time that a process takes, and there is one for each file.
    pool: "threads",
    testTimeout: process.env.PARLEY_TEST_POSTGRES === undefined ? 20_000 : 180_000,
    hookTimeout: process.env.PARLEY_TEST_POSTGRES === undefined ? 30_000 : 120_000,
    // In CI a test of real processes may be retried, for a machine that stalls; it is reported as retried.
    retry: process.env.CI === "true" ? 2 : 0,
  },
});
