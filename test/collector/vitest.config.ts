import { defineConfig } from "vitest/config";

/** One file, with one stack and one Collector. */
export default defineConfig({
  test: {
    include: ["test/collector/**/*.collector.ts"],
    maxWorkers: 1,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    retry: process.env.CI === "true" ? 1 : 0,
  },
});
