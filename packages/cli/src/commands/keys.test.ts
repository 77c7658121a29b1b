import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { services } from "../service/service-registry.ts";
import { keysCommand } from "./keys.ts";

let folder: string;
let output = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-keys-command-"));
  output = "";
  const write = (text: unknown) => {
    output += String(text);
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(write);
  vi.spyOn(process.stderr, "write").mockImplementation(write);
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.exitCode = 0;
  await rm(folder, { recursive: true });
});

const run = (...args: string[]) => keysCommand(services).parseAsync(["--folder", folder, ...args], { from: "user" });
const callers = services.filter(({ calls }) => calls.length > 0).map(({ name }) => name);

describe("parley keys", () => {
  it("generates a private key for each service that calls others, and keeps existing ones", async () => {
    await run();
    expect((await readdir(folder)).sort()).toEqual([...callers.map((name) => `${name}.json`), "services.json"].sort());
    const before = await readFile(join(folder, "order.json"), "utf8");
    await run();
    expect(await readFile(join(folder, "order.json"), "utf8")).toBe(before);
  });

  it("prints them for Kubernetes, each private key in a Secret of its own", async () => {
    await run("--kubernetes");
    const manifests = output.split("---\n");
    expect(manifests.length).toBe(callers.length + 1);
    expect(manifests[0]).toContain("kind: ConfigMap");
    expect(manifests[0]).not.toContain('\\"d\\"');
    for (const [index, name] of callers.entries()) {
      expect(manifests[index + 1]).toContain(`kind: Secret\nmetadata:\n  name: ${name}-key\n`);
    }
  });

  it("writes one service's files from variables, readable only by its user", async () => {
    vi.stubEnv("SERVICE_KEYS", '{"keys":[]}');
    vi.stubEnv("SERVICE_KEY", '{"kid":"order/1"}');
    await run("--from-environment", "order");
    expect(await readFile(join(folder, "services.json"), "utf8")).toBe('{"keys":[]}');
    expect(await readFile(join(folder, "order.json"), "utf8")).toBe('{"kid":"order/1"}');
    expect((await stat(join(folder, "order.json"))).mode & 0o777).toBe(0o600);
  });

  it("names the variable that is missing", async () => {
    vi.stubEnv("SERVICE_KEYS", undefined);
    await run("--from-environment", "order");
    expect(process.exitCode).toBe(2);
    expect(output).toContain("SERVICE_KEYS is not set");
  });

  it("names a file that contains no key", async () => {
    await writeFile(join(folder, "order.json"), "{}");
    await run();
    expect(process.exitCode).toBe(2);
    expect(output).toContain("order.json");
  });
});
