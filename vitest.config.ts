import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // The machines that run this have two cores: more workers than cores would only measure each other.
    maxWorkers: 2,
    // Where nobody watches, a test of real processes may try a second time on a machine that stalls; it is reported as retried.
    retry: process.env.CI === "true" ? 1 : 0,
  },
});
