import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startCommand } from "../service/start-command.ts";
import { freePorts } from "../testing/run-fake-parley.ts";
import { checkClock } from "./clock.ts";
import { checkDataFolder } from "./data-folder.ts";
import { checkNode, checkPackages } from "./installation.ts";
import { checkServices } from "./services.ts";
import { checkSettings } from "./settings.ts";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "parley-doctor-"));
  await writeFile(join(root, "package.json"), '{"devDependencies":{"node":"26.10.0"}}');
  await writeFile(join(root, "package-lock.json"), "{}");
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe("the installation", () => {
  it("fails with a Node older than the pinned one", async () => {
    expect((await checkNode(root, "26.0.0")).kind).toBe("good");
    expect((await checkNode(root, "27.1.0")).kind).toBe("good");
    expect(await checkNode(root, "20.19.0")).toMatchObject({ kind: "bad", text: expect.stringContaining("20.19.0") });
  });

  it("fails if packages are missing, or older than the lock file", async () => {
    expect(await checkPackages(root)).toMatchObject({ kind: "bad", remedy: "npm ci" });
    await mkdir(join(root, "node_modules"));
    const installed = join(root, "node_modules", ".package-lock.json");
    await writeFile(installed, "{}");
    expect((await checkPackages(root)).kind).toBe("good");
    await utimes(installed, new Date(0), new Date(1_000));
    expect(await checkPackages(root)).toMatchObject({ kind: "bad", text: expect.stringContaining("older") });
  });

  it("fails with a clock that is behind the files", async () => {
    expect((await checkClock(root)).kind).toBe("good");
    expect((await checkClock(root, 0)).kind).toBe("bad");
  });
});

describe("the data folder", () => {
  it("may be missing if it can be created", async () => {
    expect(await checkDataFolder(root)).toMatchObject([{ kind: "good" }]);
    expect(await checkDataFolder(join(root, "a", "b"))).toMatchObject([{ kind: "note" }]);
  });

  it("must be a folder", async () => {
    expect(await checkDataFolder(join(root, "package.json"))).toMatchObject([{ kind: "bad" }]);
  });

  it.skipIf(process.getuid?.() === 0)("must be writable", async () => {
    await chmod(root, 0o500);
    expect(await checkDataFolder(root)).toMatchObject([{ kind: "bad" }]);
    await chmod(root, 0o700);
  });
});

describe("the settings", () => {
  const services = [service("order", 1)];

  it("pass if none is set, and if all are right", async () => {
    expect(await checkSettings(services, {})).toMatchObject([{ kind: "good" }]);
    const right = { AUTH: "off", ORDER_SERVICE_URL: "https://orders.example:1", BROKER_URL: "redis://r:6379" };
    expect(await checkSettings(services, right)).toMatchObject([{ kind: "good" }]);
  });

  it("report every mistake at once", async () => {
    const wrong = { AUTH: "maybe", LOG_LEVEL: "loud", ORDER_SERVICE_URL: "ftp://orders:1", BROKER_URL: "amqp://x" };
    const findings = await checkSettings(services, wrong);
    expect(findings.map(({ kind }) => kind)).toEqual(["bad", "bad", "bad", "bad"]);
    expect(findings.map(({ text }) => text.split(":")[0]).sort()).toEqual(Object.keys(wrong).sort());
  });

  it("fail if a certificate cannot be read", async () => {
    const files = { TLS_CERT_FILE: join(root, "package.json"), TLS_KEY_FILE: join(root, "package.json") };
    expect(await checkSettings(services, files)).toMatchObject([{ kind: "bad" }]);
  });

  it("report variables that `parley up` does not use", async () => {
    const findings = await checkSettings(services, { DATABASE_URL: "sqlite:x.db", PORT: "1" });
    expect(findings.map(({ kind }) => kind)).toEqual(["good", "note", "note"]);
  });
});

describe("the services", () => {
  /** A server that answers `GET /health` on its own port. */
  async function answering(status: number, body: string, headers: Readonly<Record<string, string>> = {}) {
    const server = createServer((_request, response) => {
      response.sendDate = !("date" in headers);
      response.writeHead(status, headers).end(body);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    return { port, close: () => server.closeAllConnections() ?? server.close() };
  }
  const check = (...ports: readonly number[]) =>
    checkServices(
      ports.map((port, index) => service(`s${index}`, port)),
      { portOffset: 0, dataFolder: root, shell: {} },
    );

  it("may be stopped", async () => {
    const [one = 0, other = 0] = await freePorts(2);
    expect(await check(one, other)).toMatchObject([{ kind: "note", text: "No service is running" }]);
  });

  it("fail if some run and others do not, or are not serving", async () => {
    const up = await answering(200, '{"status":"SERVING"}');
    const starting = await answering(503, '{"status":"NOT_SERVING"}');
    const [down = 0] = await freePorts(1);
    expect(await check(up.port, starting.port, down)).toMatchObject([
      { kind: "good", text: expect.stringContaining("s0 is SERVING") },
      { kind: "bad", text: expect.stringContaining("NOT_SERVING") },
      {
        kind: "bad",
        text: expect.stringContaining("s2 is not running"),
        // The text of `parley up` when the service exits.
        remedy: startCommand({ only: ["s2"], dataFolder: root, portOffset: 0 }),
      },
    ]);
    up.close();
    starting.close();
  });

  it("are not dialled if no process listens: the dial could connect to itself", async () => {
    const dialled: string[] = [];
    const onDial = (message: unknown) => {
      const { socket } = message as { readonly socket: Socket };
      socket.once("connectionAttempt", (_ip, port) => dialled.push(String(port)));
    };
    const [down = 0] = await freePorts(1);
    const up = await answering(200, '{"status":"SERVING"}');
    subscribe("net.client.socket", onDial);
    await check(down, up.port);
    unsubscribe("net.client.socket", onDial);
    expect(dialled).toEqual(process.platform === "linux" ? [String(up.port)] : expect.anything());
    up.close();
  });

  it("fail if another process uses a port, and name it if the system reports it", async () => {
    const foreign = await answering(200, "<html>");
    const [finding] = await check(foreign.port);
    expect(finding).toMatchObject({ kind: "bad", text: expect.stringContaining("belongs to another server") });
    if (process.platform === "linux") {
      expect(finding?.text).toContain(`process ${process.pid}`);
    }
    foreign.close();
  });

  it("fail if their clock differs", async () => {
    const date = new Date(Date.now() - 60_000).toUTCString();
    const late = await answering(200, '{"status":"SERVING"}', { date });
    expect(await check(late.port)).toMatchObject([{ kind: "bad", text: expect.stringMatching(/-(59|60|61) s off/) }]);
    late.close();
  });
});

function service(name: string, port: number) {
  return { name, port, main: "", contracts: [], calls: [], database: false };
}
