import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDatabaseUrl } from "@parley/store/database-url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listenError } from "../ports/ports.ts";
import { type FakeRun, fakeParley, freePorts, runFakeParley } from "../testing/run-fake-parley.ts";

let folder = "";
let ports: readonly number[] = [];
let runs: FakeRun[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "parley-up-"));
  ports = await freePorts(3);
});

afterEach(async () => {
  for (const { child } of runs.filter((run) => run.child.exitCode === null)) {
    child.kill("SIGKILL");
  }
  await Promise.all(runs.map((run) => run.exitCode));
  runs = [];
  rmSync(folder, { recursive: true, force: true });
});

function up(args: readonly string[] = [], variables: Readonly<Record<string, string>> = {}): FakeRun {
  const run = runFakeParley(["up", "--data", join(folder, "data"), ...args], {
    FAKE_PORTS: ports.join(","),
    ...variables,
  });
  runs.push(run);
  return run;
}

const isUp = /Parley is up/;

async function environmentOf(index: number): Promise<Record<string, string>> {
  return (await fetch(`http://127.0.0.1:${ports[index]}/environment`)).json() as Promise<Record<string, string>>;
}

async function listens(index: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${ports[index]}/health`).then(
    () => true,
    () => false,
  );
}

describe("parley up", () => {
  it("starts every service, tells the addresses and what to try, and drains all on SIGINT", async () => {
    const run = up();
    await run.untilSaid(/ListOrders/);
    expect(run.said()).toContain(`http://127.0.0.1:${ports[2]}  order.v1.FakeService`);
    expect(run.said()).toContain(`curl -s localhost:${ports[2]}/order.v1.OrderService/CreateOrder`);
    run.child.kill("SIGINT");
    expect(await run.exitCode).toBe(0);
    const lines = run.logged().trim().split("\n");
    const messages = lines.map((line) => JSON.parse(line) as { service: string; msg: string });
    for (const service of ["user", "product", "order"]) {
      expect(messages).toContainEqual(expect.objectContaining({ service, msg: "drained" }));
    }
  });

  it("drains who calls before who is called", async () => {
    const run = up();
    await run.untilSaid(isUp);
    run.child.kill("SIGTERM");
    expect(await run.exitCode).toBe(0);
    const order = run.logged().indexOf('"order","msg":"drained"');
    const product = run.logged().indexOf('"product","msg":"draining"');
    expect(order).toBeGreaterThan(0);
    expect(product).toBeGreaterThan(order);
  });

  it("gives each service its port, its database and the addresses of all", async () => {
    const run = up(["--log-level", "debug"], {
      DATABASE_URL: "sqlite:./all.db",
      PRODUCT_SERVICE_URL: "http://elsewhere:1",
    });
    await run.untilSaid(isUp);
    expect(await environmentOf(2)).toMatchObject({
      PORT: String(ports[2]),
      DATABASE_URL: `sqlite:${join(folder, "data", "order.db")}`,
      USER_SERVICE_URL: `http://127.0.0.1:${ports[0]}`,
      PRODUCT_SERVICE_URL: "http://elsewhere:1",
      LOG_LEVEL: "debug",
    });
    expect(run.said()).toMatch(/DATABASE_URL is set, and not used.*ORDER_DATABASE_URL/);
  });

  it("gives who calls others a key of its own where AUTH=required, which --fresh keeps, and says how to sign in", async () => {
    const first = up([], { AUTH: "required", SERVICE_KEY_FILE: "one-for-all.json" });
    await first.untilSaid(/ListOrders/);
    expect(first.said()).toMatch(/sign in as Alice[^$]*TOKEN=.*Login[^$]*authorization: Bearer \$TOKEN/);
    const keyFile = join(folder, "data", "keys", "order.json");
    const keysFile = join(folder, "data", "keys", "services.json");
    expect(await environmentOf(2)).toMatchObject({ SERVICE_KEY_FILE: keyFile, SERVICE_KEYS_FILE: keysFile });
    expect(await environmentOf(1)).not.toHaveProperty("SERVICE_KEY_FILE");
    const key = readFileSync(keyFile, "utf8");
    first.child.kill("SIGINT");
    await first.exitCode;
    await up(["--fresh"], { AUTH: "required" }).untilSaid(isUp);
    expect(readFileSync(keyFile, "utf8")).toBe(key);
  });

  it("starts only what --only names", async () => {
    const run = up(["--only", "product, user"]);
    await run.untilSaid(isUp);
    expect(run.said()).not.toContain("order.v1");
    expect(await listens(2)).toBe(false);
    expect(await listens(0)).toBe(true);
  });

  it("shifts every port by --port-offset", async () => {
    const run = up(["--port-offset", "7"], { FAKE_PORTS: ports.map((port) => port - 7).join(",") });
    for (const port of ports) {
      await run.untilSaid(new RegExp(`http://127.0.0.1:${port}\\b`));
    }
    expect(await listens(0)).toBe(true);
  });

  it("reports a service that ends by itself, with exit code and last lines, and lets the others go on", async () => {
    const run = up();
    await run.untilSaid(isUp);
    await fetch(`http://127.0.0.1:${ports[1]}/crash`).catch(() => {});
    await run.untilSaid(/npx parley up --only product/);
    expect(run.said()).toContain("product ended with exit code 7");
    expect(run.said()).toContain("product met its end");
    expect(run.said()).toContain("What order asks of product fails as UNAVAILABLE");
    expect(await listens(0)).toBe(true);
    expect(await listens(1)).toBe(false);
    run.child.kill("SIGINT");
    expect(await run.exitCode).toBe(1);
  });

  it("ends with an error once every service has ended by itself", async () => {
    const run = up(["--only", "user"]);
    await run.untilSaid(isUp);
    await fetch(`http://127.0.0.1:${ports[0]}/crash`).catch(() => {});
    expect(await run.exitCode).toBe(1);
    expect(run.said()).toContain("All services have ended");
  });

  it("stops the others when one cannot start, and says why", async () => {
    const run = up([], { FAKE_PRODUCT: "crash-at-start" });
    expect(await run.exitCode).toBe(1);
    expect(run.said()).toContain("product ended with exit code 3");
    expect(run.said()).toContain("product has nowhere to keep its data");
    expect(run.said()).toContain("The stack never stood");
    expect(run.said()).not.toMatch(isUp);
    expect(await listens(0)).toBe(false);
  });

  it("counts signals that come together as one, and kills on a later one", async () => {
    const run = up(["--only", "user"], { FAKE_USER: "never-ends" });
    await run.untilSaid(isUp);
    run.child.kill("SIGINT");
    run.child.kill("SIGINT");
    await run.untilSaid(/Stopping user/);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(await listens(0)).toBe(true);
    expect(run.child.exitCode).toBeNull();
    run.child.kill("SIGINT");
    await run.exitCode;
    expect(run.said()).toContain("Killed user");
    expect(await listens(0)).toBe(false);
  });

  it("says which service did not end well, in words and by the exit code", async () => {
    const run = up(["--only", "user,product"], { FAKE_PRODUCT: "cuts-calls" });
    await run.untilSaid(isUp);
    run.child.kill("SIGINT");
    expect(await run.exitCode).toBe(1);
    expect(run.said()).toContain("product ended with exit code 1: not all that was begun was finished.");
    expect(run.said()).not.toContain("user ended");
  });

  it("stops at once when it is interrupted before the services are healthy", async () => {
    const run = up([], { FAKE_USER: "unhealthy" });
    await run.untilSaid(/Waiting for .*user/);
    run.child.kill("SIGINT");
    expect(await run.exitCode).toBe(0);
    expect(run.said()).not.toMatch(isUp);
    expect(await listens(1)).toBe(false);
  });

  it("leaves no service behind when it is killed", async () => {
    const run = up();
    await run.untilSaid(isUp);
    run.child.kill("SIGKILL");
    await expect
      .poll(async () => (await listens(0)) || (await listens(1)) || (await listens(2)), { timeout: 5_000 })
      .toBe(false);
  });

  it("drains when the shell that npm started it in is gone", async () => {
    const command = `'${process.execPath}' '${fakeParley}' up --only user --data '${join(folder, "data")}' 2>&1; true`;
    const shell = spawn("sh", ["-c", command], {
      env: { PATH: process.env.PATH, FAKE_PORTS: ports.join(","), npm_command: "exec" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let written = "";
    shell.stdout.setEncoding("utf8").on("data", (text: string) => {
      written += text;
    });
    await expect.poll(() => written, { timeout: 10_000 }).toMatch(isUp);
    shell.kill("SIGKILL");
    await expect.poll(() => written, { timeout: 5_000 }).toContain("All services have ended.");
    expect(await listens(0)).toBe(false);
  });

  it("names a taken port, who has it and the ways out, and starts nothing", async () => {
    const squatter = createServer().listen(ports[1], "127.0.0.1");
    try {
      const run = up();
      expect(await run.exitCode).toBe(1);
      expect(run.said()).toContain(`Port ${ports[1]} is taken: product needs it`);
      if (process.platform === "linux") {
        expect(run.said()).toContain(`process ${process.pid} (`);
      }
      expect(run.said()).toMatch(/npx parley up --port-offset \d00 --data \S+-\d00\n/);
      expect(run.logged()).toBe("");
      expect(existsSync(join(folder, "data"))).toBe(false);
    } finally {
      squatter.close();
    }
  });

  it("starts although its port is in use for a moment by a connection", async () => {
    const other = createServer((socket) => socket.on("error", () => {}).resume()).listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port: remotePort } = other.address() as { readonly port: number };
    // The system gives the connection a port, as it does to every dial, and nobody can listen on it meanwhile.
    const dial = connect({ port: remotePort, host: "127.0.0.1" });
    await once(dial, "connect");
    ports = [dial.localPort ?? 0, ...ports.slice(1)];
    expect(await listenError(ports[0] ?? 0, "127.0.0.1")).toBe("EADDRINUSE");
    const run = up();
    setTimeout(() => dial.resetAndDestroy(), 1_500);
    await run.untilSaid(isUp);
    expect(await listens(0)).toBe(true);
    other.close();
  });

  it("starts a service again that found its port in use by a connection", async () => {
    const run = up([], { FAKE_PRODUCT: "port-in-use-once", FAKE_NOTES: folder });
    await run.untilSaid(isUp);
    expect(run.said()).toContain(`Port ${ports[1]} was in use for a moment: product is started again.`);
    run.child.kill("SIGINT");
    expect(await run.exitCode).toBe(0);
  });

  it("refuses a data folder that another stack uses, with --fresh too, naming the process", async () => {
    const first = up();
    await first.untilSaid(isUp);
    const file = join(folder, "data", "user.db");
    writeFileSync(file, "in use");
    for (const options of [[], ["--fresh"], ["--fresh", "--only", "user"]]) {
      const second = up([...options, "--port-offset", "50"]);
      expect(await second.exitCode).toBe(1);
      expect(second.said()).toContain(`is in use: process ${first.child.pid} (parley up --data `);
      expect(second.said()).toMatch(/Or use another folder: +npx parley up .*--data \S+-2/);
      expect(second.said()).toMatch(
        options.length > 0 ? /Nothing was removed, and nothing was started/ : /Nothing was started/,
      );
    }
    expect(readFileSync(file, "utf8")).toBe("in use");
  });

  it("takes over the data folder of a stack that was killed", async () => {
    const first = up();
    await first.untilSaid(isUp);
    first.child.kill("SIGKILL");
    await expect.poll(() => listens(0), { timeout: 5_000 }).toBe(false);
    await expect.poll(async () => (await listens(1)) || (await listens(2)), { timeout: 5_000 }).toBe(false);
    await up(["--fresh"]).untilSaid(isUp);
  });

  it("ends a service that was started again by hand with the stack that it belongs to", async () => {
    const stack = up();
    await stack.untilSaid(isUp);
    await fetch(`http://127.0.0.1:${ports[1]}/crash`).catch(() => {});
    await stack.untilSaid(/npx parley up --only product/);
    const again = up(["--only", "product"]);
    await again.untilSaid(isUp);
    stack.child.kill("SIGINT");
    await stack.exitCode;
    expect(await again.exitCode).toBe(0);
    expect(again.said()).toContain(`The stack that this belongs to (process ${stack.child.pid}) has ended`);
    expect(again.logged()).toContain('"product","msg":"drained"');
  });

  it("kills on a second Ctrl-C that comes soon after the first", async () => {
    const run = up(["--only", "user"], { FAKE_USER: "never-ends" });
    await run.untilSaid(isUp);
    run.child.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 150));
    run.child.kill("SIGINT");
    await run.exitCode;
    expect(run.said()).toContain("Killed user");
  });

  it("drains when its reader goes away", async () => {
    const run = up();
    await run.untilSaid(isUp);
    run.child.stdout?.destroy();
    // What the services log at the crash cannot be read by anybody.
    await fetch(`http://127.0.0.1:${ports[1]}/crash`).catch(() => {});
    expect(await run.exitCode).toBe(1);
    expect(run.said()).toContain("All services have ended.");
    expect(await listens(0)).toBe(false);
  });

  it("takes its port offset from PARLEY_PORT_OFFSET, as all commands do", async () => {
    const run = up([], { PARLEY_PORT_OFFSET: "7", FAKE_PORTS: ports.map((port) => port - 7).join(",") });
    await run.untilSaid(isUp);
    expect(await listens(2)).toBe(true);
  });

  it.each([
    ["a data folder that is a file", { args: ["--data", "FILE"] }, /error: --data: .* is a file, not a folder/],
    ["a data folder below a file", { args: ["--data", "FILE/data"] }, /error: --data: .* is a file, not a folder/],
    [
      "another database",
      { env: { USER_DATABASE_URL: "mysql://u:secret@h/d" } },
      /error: USER_DATABASE_URL: .*unknown scheme/,
    ],
    ["a database URL", { env: { ORDER_DATABASE_URL: "./order.db" } }, /error: ORDER_DATABASE_URL: .*no scheme/],
    ["a word", { env: { AUTH: "maybe" } }, /error: AUTH: must be one of off, required/],
    ["a number", { env: { CALLS_MAX: "many" } }, /error: CALLS_MAX: must be a whole number/],
    ["an address", { env: { USER_SERVICE_URL: "nowhere" } }, /error: USER_SERVICE_URL: must be an http/],
    ["a broker", { env: { BROKER_URL: "kafka://x" } }, /error: BROKER_URL: /],
    [
      "a certificate",
      { env: { TLS_CERT_FILE: "/no/cert", TLS_KEY_FILE: "/no/key" } },
      /error: TLS_CERT_FILE or TLS_KEY_FILE: ENOENT/,
    ],
    ["an offset", { env: { PARLEY_PORT_OFFSET: "x" } }, /whole number from 0 to 15000/],
  ] as readonly [string, { args?: string[]; env?: Record<string, string> }, RegExp][])(
    "names %s that is wrong in a sentence, and ends with 2",
    async (_what, { args = [], env = {} }, message) => {
      const file = join(folder, "file");
      writeFileSync(file, "");
      const run = up(
        args.map((word) => word.replace("FILE", file)),
        env,
      );
      expect(await run.exitCode).toBe(2);
      expect(run.said()).toMatch(message);
      expect(run.said()).not.toMatch(/ {4}at |secret/);
      expect(run.logged()).toBe("");
    },
  );

  it("ends with 2 where a service says that its settings are wrong", async () => {
    const run = up([], { FAKE_USER: "wrong-settings" });
    expect(await run.exitCode).toBe(2);
    expect(run.said()).toContain("user: settings are wrong");
  });

  it.each(["C#", "why?", "100%", "a b", "%23", "$HOME'"])("keeps data in a folder named %j", async (name) => {
    const data = join(folder, name);
    const run = up(["--data", data]);
    await run.untilSaid(isUp);
    const { DATABASE_URL: url = "" } = await environmentOf(0);
    expect(parseDatabaseUrl(url)).toEqual({ kind: "sqlite-file", path: join(data, "user.db") });
  });

  it("with --fresh removes the databases after naming them, and nothing else", async () => {
    const data = join(folder, "data");
    mkdirSync(data);
    for (const file of ["user.db", "user.db-wal", "order.db", "product.db.backup", "notes.txt"]) {
      writeFileSync(join(data, file), "");
    }
    const run = up(["--fresh", "--only", "user"]);
    await run.untilSaid(isUp);
    expect(run.said()).toMatch(/Removing\n.*user\.db\n.*user\.db-wal\n/);
    expect(existsSync(join(data, "user.db"))).toBe(false);
    expect(existsSync(join(data, "user.db-wal"))).toBe(false);
    for (const kept of ["order.db", "product.db.backup", "notes.txt"]) {
      expect(existsSync(join(data, kept))).toBe(true);
    }
  });

  it.each([
    [["--only", "usr"], /no service "usr".*user, product, order/],
    [["--only", ","], /at least one service/],
    [["--port-offset", "many"], /whole number from 0/],
    [["--port-offset", "-1"], /whole number from 0/],
    [["--log-level", "loud"], /Allowed choices are trace/],
    [["--colour"], /unknown option '--colour'/],
  ])("refuses %j and says what is allowed", async (args, message) => {
    const run = up(args);
    expect(await run.exitCode).not.toBe(0);
    expect(run.said()).toMatch(message);
    expect(run.logged()).toBe("");
  });
});
