import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const bin = fileURLToPath(new URL("../bin.ts", import.meta.url));
const env = { PATH: process.env.PATH, PARLEY_PORT_OFFSET: "14321" };

/** Commands that write without a stack. */
const commands = [["--help"], ["--version"], ["help", "order", "create"], ["completion", "bash"], ["doctor"]];

describe.runIf(existsSync("/dev/full"))("output that cannot be written", () => {
  it.each(commands)("is an error of parley %s %s", (...args) => {
    const full = openSync("/dev/full", "w");
    const { status, stderr } = spawnSync(process.execPath, [bin, ...args.filter(Boolean)], {
      env,
      stdio: ["ignore", full, "pipe"],
      encoding: "utf8",
    });
    closeSync(full);
    expect(stderr).toContain("error: the output could not be written: ENOSPC");
    expect(stderr).not.toContain("    at ");
    expect(status).toBe(1);
  });

  it("does not hide the exit code of a command whose errors cannot be written", () => {
    const full = openSync("/dev/full", "w");
    const { status } = spawnSync(process.execPath, [bin, "order", "get"], { env, stdio: ["ignore", "pipe", full] });
    closeSync(full);
    expect(status).toBe(2);
  });
});

describe("a reader that stops reading", () => {
  it.each([["--help"], ["completion", "zsh"]])("is not an error of parley %s %s", async (...args) => {
    const child = spawn(process.execPath, [bin, ...args.filter(Boolean)], { env, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect([code, errors]).toEqual([0, ""]);
  });
});
