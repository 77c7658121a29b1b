// The checks of `parley up` before it starts a service: settings, ports, the data folder.
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { parseDatabaseUrl } from "@parley/store/database-url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listenError } from "../ports/ports.ts";
import { FakeStack, isUp } from "../testing/fake-stack.ts";

let stack: FakeStack;
beforeEach(async () => {
  stack = await FakeStack.create();
});
afterEach(() => stack.dispose());

describe("parley up, before it starts a service", () => {
  it("reports a port in use, its process and how to free it, and starts nothing", async () => {
    const occupant = createServer().listen(stack.ports[1], "127.0.0.1");
    try {
      const run = stack.up();
      expect(await run.exitCode).toBe(1);
      expect(run.said()).toContain(`Port ${stack.ports[1]} is taken: product needs it`);
      if (process.platform === "linux") {
        expect(run.said()).toContain(`process ${process.pid} (`);
      }
      expect(run.said()).toMatch(/npx parley up --port-offset \d00 --data \S+-\d00\n/);
      expect(run.logged()).toBe("");
      expect(existsSync(join(stack.folder, "data"))).toBe(false);
    } finally {
      occupant.close();
    }
  });

  it("starts although a connection uses its port for a moment", async () => {
    const other = createServer((socket) => socket.on("error", () => {}).resume()).listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port: remotePort } = other.address() as { readonly port: number };
    // The system gives the connection a port, as for every dial, and no process can listen on it meanwhile.
    const dial = connect({ port: remotePort, host: "127.0.0.1" });
    await once(dial, "connect");
    stack.ports = [dial.localPort ?? 0, ...stack.ports.slice(1)];
    expect(await listenError(stack.ports[0] ?? 0, "127.0.0.1")).toBe("EADDRINUSE");
    const run = stack.up();
    setTimeout(() => dial.resetAndDestroy(), 1_500);
    await run.untilPrinted(isUp);
    expect(await stack.listens(0)).toBe(true);
    other.close();
    // Several stacks of processes one after another, on a machine that may be busy.
  }, 90_000);

  it("restarts a service whose port was in use by a connection", async () => {
    const run = stack.up([], { FAKE_PRODUCT: "port-in-use-once", FAKE_NOTES: stack.folder });
    await run.untilPrinted(isUp);
    expect(run.said()).toContain(`Port ${stack.ports[1]} was in use for a moment: restarting product.`);
    run.child.kill("SIGINT");
    expect(await run.exitCode).toBe(0);
    // Several stacks of processes one after another, on a machine that may be busy.
  }, 90_000);

  it("refuses a data folder that another stack uses, also with --fresh, and names the process", async () => {
    const first = stack.up();
    await first.untilPrinted(isUp);
    const file = join(stack.folder, "data", "user.db");
    writeFileSync(file, "in use");
    for (const options of [[], ["--fresh"], ["--fresh", "--only", "user"]]) {
      const second = stack.up([...options, "--port-offset", "50"]);
      expect(await second.exitCode).toBe(1);
      expect(second.said()).toContain(`is in use: process ${first.child.pid} (parley up --data `);
      expect(second.said()).toMatch(/Or use another folder: +npx parley up .*--data \S+-2/);
      expect(second.said()).toMatch(
        options.length > 0 ? /Nothing was removed, and nothing was started/ : /Nothing was started/,
      );
    }
    expect(readFileSync(file, "utf8")).toBe("in use");
    // Several stacks of processes one after another, on a machine that may be busy.
  }, 90_000);

  it("takes over the data folder of a stack that was killed", async () => {
    const first = stack.up();
    await first.untilPrinted(isUp);
    first.child.kill("SIGKILL");
    await expect.poll(() => stack.listens(0), { timeout: 5_000 }).toBe(false);
    await expect.poll(async () => (await stack.listens(1)) || (await stack.listens(2)), { timeout: 5_000 }).toBe(false);
    await stack.up(["--fresh"]).untilPrinted(isUp);
    // Several stacks of processes one after another, on a machine that may be busy.
  }, 90_000);

  it("takes its port offset from PARLEY_PORT_OFFSET, as all commands do", async () => {
    const run = stack.up([], { PARLEY_PORT_OFFSET: "7", FAKE_PORTS: stack.ports.map((port) => port - 7).join(",") });
    await run.untilPrinted(isUp);
    expect(await stack.listens(2)).toBe(true);
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
    ["a broker", { env: { BROKER_URL: "amqp://broker" } }, /error: BROKER_URL: /],
    [
      "a certificate",
      { env: { TLS_CERT_FILE: "/no/cert", TLS_KEY_FILE: "/no/key" } },
      /error: TLS_CERT_FILE or TLS_KEY_FILE: ENOENT/,
    ],
    ["an offset", { env: { PARLEY_PORT_OFFSET: "x" } }, /whole number from 0 to 15000/],
  ] as readonly [string, { args?: string[]; env?: Record<string, string> }, RegExp][])(
    "reports %s that is invalid in one sentence, and exits with 2",
    async (_what, { args = [], env = {} }, message) => {
      const file = join(stack.folder, "file");
      writeFileSync(file, "");
      const run = stack.up(
        args.map((word) => word.replace("FILE", file)),
        env,
      );
      expect(await run.exitCode).toBe(2);
      expect(run.said()).toMatch(message);
      expect(run.said()).not.toMatch(/ {4}at |secret/);
      expect(run.logged()).toBe("");
    },
  );

  it("exits with 2 if a service reports wrong settings", async () => {
    const run = stack.up([], { FAKE_USER: "wrong-settings" });
    expect(await run.exitCode).toBe(2);
    expect(run.said()).toContain("user: settings are wrong");
  });

  it.each(["C#", "why?", "100%", "a b", "%23", "$HOME'"])("keeps data in a folder named %j", async (name) => {
    const data = join(stack.folder, name);
    const run = stack.up(["--data", data]);
    await run.untilPrinted(isUp);
    const { DATABASE_URL: url = "" } = await stack.environmentOf(0);
    expect(parseDatabaseUrl(url)).toEqual({ kind: "sqlite-file", path: join(data, "user.db") });
  });

  it("with --fresh deletes the databases after printing their names, and nothing else", async () => {
    const data = join(stack.folder, "data");
    mkdirSync(data);
    for (const file of ["user.db", "user.db-wal", "order.db", "product.db.backup", "notes.txt"]) {
      writeFileSync(join(data, file), "");
    }
    const run = stack.up(["--fresh", "--only", "user"]);
    await run.untilPrinted(isUp);
    expect(run.said()).toMatch(/Deleting\n.*user\.db\n.*user\.db-wal\n/);
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
  ])("refuses %j and prints the allowed values", async (args, message) => {
    const run = stack.up(args);
    expect(await run.exitCode).not.toBe(0);
    expect(run.said()).toMatch(message);
    expect(run.logged()).toBe("");
  });
});
