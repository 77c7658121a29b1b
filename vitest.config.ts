import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // The machines that run this have two cores: more workers than cores would only measure each other.
    maxWorkers: 2,
  },
});
