import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";

// A process may take ten seconds to start on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** A service as a process of its own, like the `main.ts` of a service. */
const source = `
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { flag, implement, port, runService } from "@parley/rpc/server";
await runService("echo", { PORT: port({ default: 0 }), SLOW: flag({ default: false }), BREAK: flag({ default: false }), FAIL: flag({ default: false }) }, ({ config, environment, fail }) => {
  if (config.BREAK) {
    throw new Error("no database");
  }
  if (process.env.WRONG_URL) {
    throw Object.assign(new Error("no scheme"), { setting: "DATABASE_URL" });
  }
  return {
    entries: [implement(EchoService, {
      async echo({ message }) {
        environment.log.info("begun");
        if (config.FAIL) {
          fail(new Error("the disk is broken"));
          fail(new Error("it still is"));
        }
        await new Promise((resolve) => setTimeout(resolve, config.SLOW ? 60_000 : config.FAIL ? 1 : 300));
        return { message };
      },
    })],
    stop: async () => environment.log.info("stopped"),
  };
});
`;

let folder: string;
const running = new Set<ChildProcess>();

beforeAll(() => {
  // Next to the code, so that Node resolves the packages.
  folder = mkdtempSync(join(fileURLToPath(new URL(".", import.meta.url)), ".run-service-"));
  writeFileSync(join(folder, "main.ts"), source);
});
afterEach(() => {
  for (const child of running) {
    child.kill("SIGKILL");
  }
  running.clear();
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Service {
  readonly child: ChildProcess;
  readonly url: string;
  output(): string;
  readonly exit: Promise<number | null>;
}

function start(variables: Record<string, string> = {}): Omit<Service, "url"> {
  const child = spawn(process.execPath, [join(folder, "main.ts")], { env: { ...process.env, ...variables } });
  running.add(child);
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  child.stderr.on("data", (chunk) => {
    text += chunk;
  });
  return { child, output: () => text, exit: once(child, "close").then(([code]) => code as number | null) };
}

async function startServing(variables: Record<string, string> = {}): Promise<Service> {
  const service = start(variables);
  await expect.poll(() => service.output(), { timeout: 30_000 }).toContain("serving");
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(service.output())?.[0] ?? "";
  return { ...service, url };
}

function echo(url: string): Promise<unknown> {
  return fetch(`${url}/echo.v1.EchoService/Echo`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"message":"hi"}',
  }).then((response) => response.json());
}

describe("a service's process", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "completes the in-flight call at %s, stops its module, and exits with 0",
    async (signal) => {
      const { child, url, output, exit } = await startServing();
      // On a busy machine, the first call of a process may take longer than its contract allows.
      await expect.poll(() => echo(url), { timeout: 30_000 }).toEqual({ message: "hi" });
      const begun = () => output().split('"msg":"begun"').length;
      const before = begun();
      const call = echo(url);
      await expect.poll(begun, { timeout: 10_000, interval: 10 }).toBe(before + 1);
      child.kill(signal);
      await expect(call).resolves.toEqual({ message: "hi" });
      await expect(exit).resolves.toBe(0);
      expect(output()).toContain('"msg":"stopped"');
      expect(output()).toContain('"code":"OK"');
    },
  );

  it("exits with 1 if calls outlast the grace period", async () => {
    const { child, url, output, exit } = await startServing({ SLOW: "true", SHUTDOWN_GRACE_MS: "200" });
    echo(url).catch(() => {});
    await expect.poll(() => output(), { timeout: 10_000 }).toContain("begun");
    child.kill("SIGTERM");
    await expect(exit).resolves.toBe(1);
    expect(output()).toContain("drain failed");
  });

  it("exits at once at a second signal", async () => {
    const { child, url, output, exit } = await startServing({ SLOW: "true" });
    echo(url).catch(() => {});
    await expect.poll(() => output(), { timeout: 10_000 }).toContain("begun");
    child.kill("SIGINT");
    await expect.poll(() => output(), { timeout: 10_000 }).toContain("draining");
    const startMs = performance.now();
    child.kill("SIGINT");
    await expect(exit).resolves.toBe(1);
    expect(performance.now() - startMs).toBeLessThan(3_000);
  });

  it("exits with 2 and reports all mistakes if settings are invalid", async () => {
    const { output, exit } = start({ PORT: "seventy", SHUTDOWN_GRACE_MS: "-1", LOG_FORMAT: "xml" });
    await expect(exit).resolves.toBe(2);
    for (const name of ["PORT", "SHUTDOWN_GRACE_MS", "LOG_FORMAT"]) {
      expect(output()).toContain(name);
    }
  });

  it.each([
    [
      { TLS_CERT_FILE: "/no/cert.pem", TLS_KEY_FILE: "/no/key.pem" },
      /TLS_CERT_FILE: cannot be read.*\n +TLS_KEY_FILE: cannot/,
    ],
    [{ AUTH: "required", SERVICE_KEYS_FILE: "/no/keys.json" }, /SERVICE_KEYS_FILE: cannot be read: ENOENT/],
    [{ WRONG_URL: "true" }, /DATABASE_URL: no scheme/],
  ])("exits with 2 and a message if %j is invalid", async (variables, message) => {
    const { output, exit } = start(variables as Record<string, string>);
    await expect(exit).resolves.toBe(2);
    expect(output()).toMatch(message);
    expect(output()).not.toContain("    at ");
  });

  it("exits with 1 and the reason if its module cannot be created", async () => {
    const { output, exit } = start({ BREAK: "true" });
    await expect(exit).resolves.toBe(1);
    expect(output()).toContain("no database");
  });

  it("drains and exits with 1 and the reason if its module cannot continue", async () => {
    const { url, output, exit } = await startServing({ FAIL: "true" });
    await expect(echo(url)).resolves.toEqual({ message: "hi" });
    await expect(exit).resolves.toBe(1);
    expect(output()).toContain("cannot continue");
    expect(output()).toContain("the disk is broken");
    expect(output()).toContain('"msg":"stopped"');
  });

  it("exits with 1 and names the port if it is in use", async () => {
    const { url } = await startServing();
    const { port } = new URL(url);
    const { output, exit } = start({ PORT: port });
    await expect(exit).resolves.toBe(1);
    expect(output()).toContain(port);
  });

  it("writes logfmt with LOG_FORMAT=logfmt", async () => {
    const { output } = await startServing({ LOG_FORMAT: "logfmt" });
    expect(output()).toMatch(/^level=info time=\d+ name=echo url=http:\/\/127\.0\.0\.1:\d+ msg=serving$/m);
  });

  it("exports process metrics", async () => {
    const { url } = await startServing();
    const metrics = await fetch(`${url}/metrics`).then((response) => response.text());
    expect(metrics).toContain("process_resident_memory_bytes");
    expect(metrics).toContain("grpc_server_call_started_total");
  });
});
