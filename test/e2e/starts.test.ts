// Starts `parley up` many times, on ports in the range of ephemeral ports. STARTS is the number of starts, STARTS_BUSY the number of
// processes that keep the machine busy.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { services } from "@parley/cli";
import { afterAll, expect, it } from "vitest";
import { root } from "./running-stack.ts";

const starts = Number(process.env.STARTS ?? 10);
/** The timeout of one start on a busy machine, in milliseconds. */
const startMaxMs = 60_000;
const folder = mkdtempSync(join(tmpdir(), "parley-starts-"));
let running: ChildProcess | undefined;

const busy = Array.from({ length: Number(process.env.STARTS_BUSY ?? 0) }, () =>
  spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }),
);

afterAll(() => {
  for (const child of busy) {
    child.kill("SIGKILL");
  }
  running?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

it(
  `starts ${starts} times in a row`,
  async () => {
    const offset = await freeOffset();
    for (let start = 1; start <= starts; start++) {
      const said = await startAndStop(offset);
      expect(said, `start ${start}`).toContain("Parley is up.");
      expect(said, `start ${start}`).toContain("All services have ended.");
    }
  },
  starts * startMaxMs,
);

/** The output of a start until it exited, after Ctrl-C or by itself. */
async function startAndStop(offset: number): Promise<string> {
  const args = ["packages/cli/src/bin.ts", "up", "--port-offset", String(offset), "--data", join(folder, "data")];
  const child = spawn(process.execPath, [...args, "--log-level", "warn"], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    stdio: ["ignore", "ignore", "pipe"],
  });
  running = child;
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    const wasUp = said.includes("Parley is up.");
    said += text;
    if (!wasUp && said.includes("Parley is up.")) {
      child.kill("SIGINT");
    }
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  return `${said}\nexit code ${code}`;
}

/** Below 61,000, the end of Linux's range of ephemeral ports. */
async function freeOffset(): Promise<number> {
  for (let offset = 1_000 + Math.floor(Math.random() * 400) * 20; offset < 10_000; offset += 20) {
    if ((await Promise.all(services.map(({ port }) => isFree(port + offset)))).every(Boolean)) {
      return offset;
    }
  }
  throw new Error("no free ports");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
