import { defineConfig } from "vitest/config";

/** Files run in sequence: most start a stack of seven processes and a browser. */
export default defineConfig({
  test: {
    include: ["test/console/**/*.browser.ts"],
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    retry: process.env.CI === "true" ? 1 : 0,
  },
});
