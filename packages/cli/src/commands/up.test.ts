import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeStack, isUp } from "../testing/fake-stack.ts";
import { fakeParley } from "../testing/run-fake-parley.ts";

let stack: FakeStack;
beforeEach(async () => {
  stack = await FakeStack.create();
});
afterEach(() => stack.dispose());

describe("parley up", () => {
  it("starts every service, prints addresses and first commands, and drains all on SIGINT", async () => {
    const run = stack.up();
    await run.untilPrinted(/ListOrders/);
    expect(run.said()).toContain(`http://127.0.0.1:${stack.ports[2]}  order.v1.FakeService`);
    expect(run.said()).toContain(`curl -s localhost:${stack.ports[2]}/order.v1.OrderService/CreateOrder`);
    run.child.kill("SIGINT");
    expect(await run.exitCode).toBe(0);
    const lines = run.logged().trim().split("\n");
    const messages = lines.map((line) => JSON.parse(line) as { service: string; msg: string });
    for (const service of ["user", "product", "order"]) {
      expect(messages).toContainEqual(expect.objectContaining({ service, msg: "drained" }));
    }
  });

  it("drains callers before the services that they call", async () => {
    const run = stack.up();
    await run.untilPrinted(isUp);
    run.child.kill("SIGTERM");
    expect(await run.exitCode).toBe(0);
    const order = run.logged().indexOf('"order","msg":"drained"');
    const product = run.logged().indexOf('"product","msg":"draining"');
    expect(order).toBeGreaterThan(0);
    expect(product).toBeGreaterThan(order);
  });

  it("gives each service its port, its database and the addresses of all", async () => {
    const run = stack.up(["--log-level", "debug"], {
      DATABASE_URL: "sqlite:./all.db",
      PRODUCT_SERVICE_URL: "http://elsewhere:1",
      ADMIN_PORT: "9100",
    });
    await run.untilPrinted(isUp);
    expect(await stack.environmentOf(0)).toMatchObject({ ADMIN_PORT: "9100" });
    expect(await stack.environmentOf(2)).toMatchObject({
      ADMIN_PORT: "9102",
      PORT: String(stack.ports[2]),
      DATABASE_URL: `sqlite:${join(stack.folder, "data", "order.db")}`,
      USER_SERVICE_URL: `http://127.0.0.1:${stack.ports[0]}`,
      PRODUCT_SERVICE_URL: "http://elsewhere:1",
      LOG_LEVEL: "debug",
    });
    await run.untilPrinted(/Sign-in is off \(AUTH=off\)/);
    expect(run.said()).toMatch(/DATABASE_URL is set but not used.*ORDER_DATABASE_URL/);
  });

  it("with AUTH=required gives each calling service a key, which --fresh keeps, and prints how to sign in", async () => {
    const first = stack.up([], { AUTH: "required", SERVICE_KEY_FILE: "one-for-all.json" });
    await first.untilPrinted(/ListOrders/);
    expect(first.said()).toMatch(/sign up.*CreateUser.*Sign in.*TOKEN=.*Bearer \$TOKEN.*'\$ID'/s);
    const keyFile = join(stack.folder, "data", "keys", "order.json");
    const keysFile = join(stack.folder, "data", "keys", "services.json");
    expect(await stack.environmentOf(2)).toMatchObject({ SERVICE_KEY_FILE: keyFile, SERVICE_KEYS_FILE: keysFile });
    expect(await stack.environmentOf(1)).not.toHaveProperty("SERVICE_KEY_FILE");
    const key = readFileSync(keyFile, "utf8");
    first.child.kill("SIGINT");
    await first.exitCode;
    await stack.up(["--fresh"], { AUTH: "required" }).untilPrinted(isUp);
    expect(readFileSync(keyFile, "utf8")).toBe(key);
    // Several stacks of processes one after another, on a machine that may be busy.
  }, 90_000);

  it("starts only the services in --only", async () => {
    const run = stack.up(["--only", "product, user"]);
    await run.untilPrinted(isUp);
    expect(run.said()).not.toContain("order.v1");
    expect(await stack.listens(2)).toBe(false);
    expect(await stack.listens(0)).toBe(true);
  });

  it("shifts every port by --port-offset", async () => {
    const run = stack.up(["--port-offset", "7"], { FAKE_PORTS: stack.ports.map((port) => port - 7).join(",") });
    for (const port of stack.ports) {
      await run.untilPrinted(new RegExp(`http://127.0.0.1:${port}\\b`));
    }
    expect(await stack.listens(0)).toBe(true);
  });

  it("reports a service that exits, with exit code and last lines, and keeps the others", async () => {
    const run = stack.up();
    await run.untilPrinted(isUp);
    await stack.crash(1);
    await run.untilPrinted(/npx parley up --only product/);
    expect(run.said()).toContain("product ended with exit code 7");
    expect(run.said()).toContain("product crashes on request");
    expect(run.said()).toContain("Calls from order to product fail with UNAVAILABLE");
    expect(await stack.listens(0)).toBe(true);
    expect(await stack.listens(1)).toBe(false);
    run.child.kill("SIGINT");
    expect(await run.exitCode).toBe(1);
  });

  it("ends with an error once every service has exited", async () => {
    const run = stack.up(["--only", "user"]);
    await run.untilPrinted(isUp);
    await stack.crash(0);
    expect(await run.exitCode).toBe(1);
    expect(run.said()).toContain("All services have exited");
  });

  it("stops the others if one cannot start, and prints the reason", async () => {
    const run = stack.up([], { FAKE_PRODUCT: "crash-at-start" });
    expect(await run.exitCode).toBe(1);
    expect(run.said()).toContain("product ended with exit code 3");
    expect(run.said()).toContain("product cannot open its database");
    expect(run.said()).toContain("Startup failed: ");
    expect(run.said()).not.toMatch(isUp);
    expect(await stack.listens(0)).toBe(false);
  });

  it("treats simultaneous signals as one, and kills on a later one", async () => {
    const run = stack.up(["--only", "user"], { FAKE_USER: "never-ends" });
    await run.untilPrinted(isUp);
    run.child.kill("SIGINT");
    run.child.kill("SIGINT");
    await run.untilPrinted(/Stopping user/);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(await stack.listens(0)).toBe(true);
    expect(run.child.exitCode).toBeNull();
    run.child.kill("SIGINT");
    await run.exitCode;
    expect(run.said()).toContain("Killed user");
    expect(await stack.listens(0)).toBe(false);
  });

  it("reports a service that did not end cleanly, in a sentence and by the exit code", async () => {
    const run = stack.up(["--only", "user,product"], { FAKE_PRODUCT: "cuts-calls" });
    await run.untilPrinted(isUp);
    run.child.kill("SIGINT");
    expect(await run.exitCode).toBe(1);
    expect(run.said()).toContain("product ended with exit code 1: calls were cut off.");
    expect(run.said()).not.toContain("user ended");
  });

  it("stops at once when it is interrupted before the services are healthy", async () => {
    const run = stack.up([], { FAKE_USER: "unhealthy" });
    await run.untilPrinted(/Waiting for .*user/);
    run.child.kill("SIGINT");
    expect(await run.exitCode).toBe(0);
    expect(run.said()).not.toMatch(isUp);
    expect(await stack.listens(1)).toBe(false);
  });

  it("leaves no service behind when it is killed", async () => {
    const run = stack.up();
    await run.untilPrinted(isUp);
    run.child.kill("SIGKILL");
    await expect
      .poll(async () => (await stack.listens(0)) || (await stack.listens(1)) || (await stack.listens(2)), {
        timeout: 5_000,
      })
      .toBe(false);
  });

  it("drains when the shell that npm started it in is gone", async () => {
    const command = `'${process.execPath}' '${fakeParley}' up --only user --data '${join(stack.folder, "data")}' 2>&1; true`;
    const shell = spawn("sh", ["-c", command], {
      env: { PATH: process.env.PATH, FAKE_PORTS: stack.ports.join(","), npm_command: "exec" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let written = "";
    shell.stdout.setEncoding("utf8").on("data", (text: string) => {
      written += text;
    });
    await expect.poll(() => written, { timeout: 10_000 }).toMatch(isUp);
    shell.kill("SIGKILL");
    await expect.poll(() => written, { timeout: 5_000 }).toContain("All services have ended.");
    expect(await stack.listens(0)).toBe(false);
  });

  it("ends a manually restarted service with its stack", async () => {
    const whole = stack.up();
    await whole.untilPrinted(isUp);
    await stack.crash(1);
    await whole.untilPrinted(/npx parley up --only product/);
    const again = stack.up(["--only", "product"]);
    await again.untilPrinted(isUp);
    whole.child.kill("SIGINT");
    await whole.exitCode;
    expect(await again.exitCode).toBe(0);
    expect(again.said()).toContain(`The stack of this service (process ${whole.child.pid}) has ended`);
    expect(again.logged()).toContain('"product","msg":"drained"');
    // Several stacks of processes one after another, on a machine that may be busy.
  }, 90_000);

  it("kills on a second Ctrl-C that comes soon after the first", async () => {
    const run = stack.up(["--only", "user"], { FAKE_USER: "never-ends" });
    await run.untilPrinted(isUp);
    run.child.kill("SIGINT");
    // Two signals that wait for a busy process are one (signal(7)).
    await run.untilPrinted(/Stopping user/);
    await new Promise((resolve) => setTimeout(resolve, 150));
    run.child.kill("SIGINT");
    await run.exitCode;
    expect(run.said()).toContain("Killed user");
  });

  it("drains when its reader ends", async () => {
    const run = stack.up();
    await run.untilPrinted(isUp);
    run.child.stdout?.destroy();
    // No process reads the services' log at the crash.
    await stack.crash(1);
    expect(await run.exitCode).toBe(1);
    expect(run.said()).toContain("All services have ended.");
    expect(await stack.listens(0)).toBe(false);
  });
});
