import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts"],
    // A thread starts in a third of the time that a process takes, and there is one for each file.
    pool: "threads",
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // One more than the two cores of the machines that run this: tests of real processes spend much of their time waiting.
    maxWorkers: 3,
    // Where nobody watches, a test of real processes may try a second time on a machine that stalls; it is reported as retried.
    retry: process.env.CI === "true" ? 1 : 0,
  },
});
