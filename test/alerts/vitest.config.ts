import { defineConfig } from "vitest/config";

/** One file, with one stack and one Prometheus. */
export default defineConfig({
  test: {
    include: ["test/alerts/**/*.alerts.ts"],
    maxWorkers: 1,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    retry: process.env.CI === "true" ? 1 : 0,
  },
});
