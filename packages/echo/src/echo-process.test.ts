import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";

const started: ChildProcess[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map(end));
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

interface Process {
  readonly child: ChildProcess;
  readonly url: string;
  output(): string;
}

async function start(main: string, variables: Record<string, string>): Promise<Process> {
  const port = variables.PORT ?? String(await freePort());
  const child = spawn(process.execPath, [join(import.meta.dirname, main)], {
    env: { ...process.env, LOG_FORMAT: "logfmt", ...variables, PORT: port },
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(child);
  let output = "";
  child.stdout?.on("data", (chunk) => {
    output += chunk;
  });
  const url = `http://127.0.0.1:${port}`;
  await until(() => fetch(`${url}/health`).then((response) => response.ok));
  return { child, url, output: () => output };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await holds().catch(() => false)) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the condition was not met within 10 s");
}

async function callEcho(url: string): Promise<{ status: number; tookMs: number; body: unknown }> {
  const beganMs = performance.now();
  const response = await fetch(`${url}/echo.v1.CallEchoService/CallEcho`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ message: "hello" }),
  });
  return { status: response.status, tookMs: performance.now() - beganMs, body: await response.json() };
}

test("service B reports that service A is down, and calls it again after its restart", {
  timeout: 40_000,
}, async () => {
  const a = await start("echo-a-main.ts", {});
  const b = await start("echo-b-main.ts", { ECHO_A_SERVICE_URL: a.url });
  // The first call of two processes that have just started may exceed the contract's deadline.
  await until(async () => JSON.stringify((await callEcho(b.url)).body).includes('"echo":"hello"'));
  const both = await callEcho(b.url);
  expect(both).toMatchObject({ status: 200, body: { serviceB: "ok", serviceA: { echo: "hello" } } });

  await end(a.child);
  const alone = await callEcho(b.url);
  expect(alone).toMatchObject({ status: 200, body: { serviceB: "ok", serviceA: { error: { code: "unavailable" } } } });
  // CallEcho has a deadline of two seconds.
  expect(alone.tookMs).toBeLessThan(2_000);
  expect(JSON.stringify(alone.body)).not.toContain(new URL(a.url).port);
  await until(async () => /service=B endpoint=\/call-echo status=error .*latencyMs=[\d.]+/.test(b.output()));
  expect(b.output()).toMatch(/service=B endpoint=\/call-echo status=ok .*latencyMs=[\d.]+/);
  expect(b.child.exitCode).toBeNull();

  await start("echo-a-main.ts", { PORT: new URL(a.url).port });
  await until(async () => JSON.stringify((await callEcho(b.url)).body).includes('"echo":"hello"'));
});
