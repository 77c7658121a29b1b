// `npm run test:image`: builds the image with buildah, from this machine's Node only, starts its services as an orchestrator does,
// and writes its bill of materials. The last line is `N passed, N failed`. Without buildah or root it is skipped, with a message.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../../scripts/run-command.ts";
import { eventually } from "../processes/eventually.ts";
import { freePort } from "../processes/free-port.ts";
import { buildah, buildImage } from "./build-image.ts";
import { type Container, type ContainerProcess, openContainer } from "./container.ts";

const run = promisify(execFile);
let passed = 0;
const failures: string[] = [];

async function main(): Promise<number> {
  const missing = await reasonToLeaveOut();
  if (missing !== undefined) {
    console.log(`The image was not built: ${missing}.`);
    console.log("0 passed, 0 failed");
    return 0;
  }
  const folder = await mkdtemp(join(tmpdir(), "parley-image-"));
  try {
    await check("the image is built from deploy/image/Containerfile", () => buildImage(folder));
    if (failures.length === 0) {
      await checkImage(folder);
    }
    await check("the bill of materials names the packages (npm sbom)", writeBillOfMaterials);
  } finally {
    await buildah(folder, ["rm", "--all"]).catch(() => {});
    await rm(folder, { recursive: true, force: true });
  }
  console.log(`${passed} passed, ${failures.length} failed`);
  return failures.length === 0 ? 0 : 1;
}

async function checkImage(folder: string): Promise<void> {
  const container = await openContainer(folder, "localhost/parley");
  try {
    await check("runs as a user without rights, and is probed by its own binary", async () => {
      const { User, Entrypoint, Healthcheck, StopSignal } = container.config;
      expectEqual([User, Entrypoint, StopSignal], ["65532:65532", ["parley"], "SIGTERM"]);
      expectEqual(Healthcheck.Test, ["CMD", "parley", "health"]);
    });
    await check("has neither a shell nor npm", async () => {
      const exitCodes = ["/usr/local/bin/node", "/bin/sh", "/usr/local/bin/npm"].map(
        (program) => container.start([program, "--version"], { environment: {} }).ended,
      );
      expectEqual(await Promise.all(exitCodes), [0, 127, 127]);
    });
    await check("a service serves, is healthy, logs to stdout and drains on SIGTERM as process 1", () =>
      serve(container),
    );
    await check("the gateway serves its console, its API's description and page, and every guide", () =>
      serveFiles(container),
    );
    await check("a wrong setting ends it with exit code 2 and the setting's name", async () => {
      const ended = container.start(["parley", "run", "order"], { environment: { PORT: "none" } });
      expectEqual(await ended.ended, 2);
      expectContains(ended.output(), "PORT: ");
    });
    await check("the database is migrated without serving", async () => {
      const environment = { DATABASE_URL: "sqlite:/tmp/order.db" };
      const ended = container.start(["parley", "run", "order", "--migrate-only"], { environment });
      expectEqual(await ended.ended, 0);
    });
    await check("its root file system cannot be written", async () => {
      const environment = { DATABASE_URL: "sqlite:/parley/order.db" };
      const ended = container.start(["parley", "run", "order", "--migrate-only"], { environment });
      expectEqual(await ended.ended, 1);
      expectContains(ended.output(), "The database file cannot be opened");
    });
  } finally {
    await container.remove();
  }
}

async function serve(container: Container): Promise<void> {
  const environment = { PORT: String(await freePort()), DATABASE_URL: "sqlite:/tmp/user.db" };
  const service = container.start(["parley", "run", "user"], { environment });
  const probe = () => container.start(["parley", "health"], { environment }).ended;
  try {
    if ((await eventually(probe, (code) => code === 0, 60_000)) !== 0) {
      throw new Error(`it was never healthy:\n${service.output()}`);
    }
    await callAndDrain(service, environment.PORT);
    expectEqual(await probe(), 1);
  } finally {
    await service.signal("SIGKILL").catch(() => {});
  }
}

/** The files of the image that only the gateway reads. */
async function serveFiles(container: Container): Promise<void> {
  const port = String(await freePort());
  const gateway = container.start(["parley", "run", "gateway"], { environment: { PORT: port } });
  const origin = `http://127.0.0.1:${port}`;
  const status = (path: string) =>
    fetch(`${origin}${path}`, { headers: { accept: "text/html" } }).then(
      (response) => response.status,
      () => "no answer",
    );
  try {
    expectEqual(
      await eventually(
        () => status("/health"),
        (code) => code === 200,
        60_000,
      ),
      200,
    );
    const guides = (await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md"));
    const pages = ["/", "/docs", "/openapi.json", "/console/contracts.binpb", ...guides.map((name) => `/docs/${name}`)];
    for (const page of pages) {
      expectEqual([page, await status(page)], [page, 200]);
    }
    const home = await (await fetch(`${origin}/`, { headers: { accept: "text/html" } })).text();
    const assets = [...home.matchAll(/(?:src|href)="\/?(console\/[^"]+)"/g)].map(([, asset]) => `/${asset}`);
    expectEqual(assets.length > 0, true);
    for (const asset of assets) {
      expectEqual([asset, await status(asset)], [asset, 200]);
    }
  } finally {
    await gateway.signal("SIGKILL").catch(() => {});
  }
}

async function callAndDrain(service: ContainerProcess, port: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/user.v1.UserService/GetUser`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"userId":"1"}',
  });
  expectContains(await answer.text(), "Alice");
  await service.signal("SIGTERM");
  expectEqual(await service.ended, 0);
  expectContains(service.output(), '"msg":"drained"');
}

/** In CycloneDX format, with the production dependencies. */
async function writeBillOfMaterials(): Promise<void> {
  const args = ["sbom", "--omit", "dev", "--sbom-format", "cyclonedx"];
  const { stdout } = await run("npm", args, { cwd: root, maxBuffer: 64 << 20 });
  const { components } = JSON.parse(stdout) as { readonly components: readonly { readonly name: string }[] };
  expectContains(components.map(({ name }) => name).join(" "), "fastify");
  const place = join(root, "dist/image");
  await mkdir(place, { recursive: true });
  await writeFile(join(place, "sbom.cdx.json"), stdout);
}

async function check(name: string, test: () => Promise<void>): Promise<void> {
  try {
    await test();
    passed++;
    console.log(`✓ ${name}`);
  } catch (error) {
    failures.push(name);
    const { stderr = "" } = error as { readonly stderr?: string };
    console.log(`✗ ${name}: ${(error as Error).message}\n${stderr.slice(-2_000)}`);
  }
}

async function reasonToLeaveOut(): Promise<string | undefined> {
  if (process.platform !== "linux") {
    return "buildah needs Linux";
  }
  if (process.getuid?.() !== 0) {
    return "this user is not root, and the root file system of an image cannot be mounted";
  }
  try {
    await run("buildah", ["--version"]);
    await run("unshare", ["--mount", "--pid", "--fork", "true"]);
    return undefined;
  } catch (error) {
    return `buildah or unshare does not run here: ${(error as Error).message.split("\n")[0]}`;
  }
}

function expectEqual(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    throw new Error(`expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
  }
}

function expectContains(text: string, part: string): void {
  if (!text.includes(part)) {
    throw new Error(`expected ${JSON.stringify(part)} in: ${text.slice(0, 2_000)}`);
  }
}

process.exitCode = await main();
