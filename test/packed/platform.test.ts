// The platform as in production: bundled outside the workspace, with Node as its only requirement.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { stagePlatform } from "../../scripts/pack/platform.ts";
import { eventually } from "../processes/eventually.ts";
import { freePort } from "../processes/free-port.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-platform-"));
  await stagePlatform(join(folder, "app"), { node: process.execPath });
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `parley` without the test's own environment. */
function parley(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(join(folder, "app/bin/parley"), args, { env, cwd: folder }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

/** Starts a service, and resolves once `parley health` reports it as serving. */
async function start(name: string, env: Record<string, string>) {
  const child = spawn(join(folder, "app/bin/parley"), ["run", name], {
    env,
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let log = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const ended = once(child, "exit");
  expect(
    await eventually(
      () => parley(["health"], env),
      ({ code }) => code === 0,
      60_000,
    ),
  ).toBeTruthy();
  return { child, ended, log: () => log };
}

it("serves, responds to its probe, and drains", async () => {
  const userService = { PORT: String(await freePort()), DATABASE_URL: `sqlite:${join(folder, "user.db")}` };
  const gateway = {
    PORT: String(await freePort()),
    ADMIN_PORT: String(await freePort()),
    USER_SERVICE_URL: `http://127.0.0.1:${userService.PORT}`,
  };
  const services = [await start("user", userService), await start("gateway", gateway)];
  try {
    const get = (path: string, accept = "*/*") =>
      fetch(`http://127.0.0.1:${gateway.PORT}${path}`, { headers: { accept } });
    // On a busy machine a call may exceed its deadline.
    const user = async () => (await get("/users/1")).json() as Promise<{ readonly user?: { readonly name: string } }>;
    expect(await eventually(user, (answer) => answer.user !== undefined, 30_000)).toMatchObject({
      user: { name: "Alice Johnson" },
    });
    // The data files beside the bundles: the console's page, the contracts with comments, the API page.
    expect(await (await get("/", "text/html")).text()).toContain('src="console/');
    expect(await (await get("/openapi.json")).json()).toMatchObject({ openapi: "3.1.0" });
    expect((await get("/docs/swagger-ui-bundle.js")).status).toBe(200);
  } finally {
    for (const { child } of services) {
      child.kill("SIGTERM");
    }
  }
  expect(await Promise.all(services.map(async ({ ended }) => (await ended)[0]))).toEqual([0, 0]);
  expect(services[0]?.log()).toContain('"msg":"drained"');
  expect(await parley(["health"], userService)).toMatchObject({ code: 1 });
}, 120_000);

it("migrates a database and exits", async () => {
  const env = { DATABASE_URL: `sqlite:${join(folder, "order.db")}` };
  expect(await parley(["run", "order", "--migrate-only"], env)).toMatchObject({ code: 0 });
  expect(await readdir(folder)).toContain("order.db");
});

it.each([
  ["a service that there is not", ["run", "ordre"], {}, 2, "Allowed choices are"],
  ["a wrong setting", ["run", "echo-a"], { PORT: "none" }, 2, "PORT: "],
  ["a probe that knows no port", ["health"], {}, 2, "Set ADMIN_PORT or PORT"],
])("reports the error: %s", async (_what, args, env, code, words) => {
  const { stderr, ...ended } = await parley(args, env);
  expect(ended.code).toBe(code);
  expect(stderr).toContain(words);
});
