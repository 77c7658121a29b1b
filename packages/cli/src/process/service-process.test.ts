import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePorts } from "../testing/run-fake-parley.ts";
import { ServiceProcess } from "./service-process.ts";

let folder = "";
let port = 0;
const started: ServiceProcess[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "parley-process-"));
  [port = 0] = await freePorts(1);
});
afterEach(async () => {
  for (const one of started.splice(0)) {
    one.kill();
    await one.ended;
  }
  rmSync(folder, { recursive: true });
});

/** A process that runs this code, with node:http's createServer in scope. */
function run(code: string): { readonly process: ServiceProcess; readonly lines: readonly string[] } {
  const main = join(folder, "main.mjs");
  writeFileSync(main, `import net from "node:net"; const port = ${port};\n${code}`);
  const lines: string[] = [];
  const process = new ServiceProcess("x", { main, port, environment: {}, onLine: (line) => lines.push(line) });
  started.push(process);
  return { process, lines };
}

const settled = async (promise: Promise<unknown>) => {
  const pending = Symbol("pending");
  return (await Promise.race([promise, new Promise((resolve) => setImmediate(() => resolve(pending)))])) !== pending;
};

describe("a service's process", () => {
  it("reports that it listens on its port", async () => {
    const { process } = run("net.createServer().listen(port, '127.0.0.1');");
    await process.listening;
    expect(process.listenError).toBeUndefined();
  });

  it("ignores other ports", async () => {
    const { process, lines } = run(
      "net.createServer().listen(0, '127.0.0.1', () => setTimeout(() => console.log('elsewhere'), 100));",
    );
    await expect.poll(() => lines).toEqual(["elsewhere"]);
    expect(await settled(process.listening)).toBe(false);
  });

  it("reports why it cannot listen", async () => {
    const { process } = run(
      "net.createServer().listen(port, '127.0.0.1', () => net.createServer().listen(port, '127.0.0.1'));",
    );
    expect((await process.ended).code).toBe(1);
    expect(process.listenError).toBe("EADDRINUSE");
  });

  it("never connects to itself when it dials a closed port", async () => {
    // Without the preload this connects: the port is free, and the socket uses it itself.
    const dial = "net.connect({ port, host: '127.0.0.1', localPort: port, localAddress: '127.0.0.1' })";
    const { process, lines } = run(
      `${dial}.on("error", ({ code }) => console.log(code)).on("connect", function () { this.write("to myself"); })
         .on("data", () => console.log("heard myself"));`,
    );
    await process.ended;
    expect(lines).toEqual(["ECONNREFUSED"]);
  });

  it.each(["linux", "darwin", "win32"] as const)("drains when it is asked to end on %s", async (platform) => {
    const { process, lines } = run(
      "const server = net.createServer().listen(port, '127.0.0.1'); process.on('SIGTERM', () => { console.log('draining'); server.close(); });",
    );
    await process.listening;
    process.stop(platform);
    expect(await process.ended).toMatchObject({ code: 0 });
    expect(lines).toEqual(["draining"]);
  });

  it("ends when it is stopped before it handles signals, as on Windows", async () => {
    const { process, lines } = run("console.log('up'); setInterval(() => {}, 1000);");
    await expect.poll(() => lines).toEqual(["up"]);
    process.stop("win32");
    expect(await process.ended).toMatchObject({ signal: "SIGTERM" });
  });
});
