import { expect, it } from "vitest";
import { runCommand } from "./run-command.ts";

it("the simulation keeps every invariant in 2,000 seeds", async () => {
  const { code, output } = await runCommand("--seeds", "2000");
  expect(output).toMatch(/2000 seeds in [\d.]+ s: 0 with violations\n$/);
  expect(code).toBe(0);
}, 600_000);
