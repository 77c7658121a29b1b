import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { services } from "../service/service-registry.ts";
import { ensureServiceKeys, UnusableKeyError } from "./service-keys.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-keys-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const callers = services.filter(({ calls }) => calls.length > 0).map(({ name }) => name);

it("generates a key for each service that calls others, readable by its owner only", async () => {
  const { privateFiles, publicFile } = await ensureServiceKeys(services, { folder: join(folder, "keys") });
  expect([...privateFiles.keys()]).toEqual(callers);
  for (const file of privateFiles.values()) {
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  }
  const { keys } = JSON.parse(await readFile(publicFile, "utf8"));
  expect(keys.map(({ kid }: { kid: string }) => kid.split("/")[0])).toEqual(callers);
});

it("publishes no private key", async () => {
  const { publicFile } = await ensureServiceKeys(services, { folder: join(folder, "keys") });
  const { keys } = JSON.parse(await readFile(publicFile, "utf8"));
  expect(new Set(keys.flatMap(Object.keys))).toEqual(new Set(["kty", "crv", "x", "kid", "alg", "use"]));
});

it("keeps existing keys, also if two stacks start at once", async () => {
  const [first, second] = await Promise.all([
    ensureServiceKeys(services, { folder: join(folder, "keys") }),
    ensureServiceKeys(services, { folder: join(folder, "keys") }),
  ]);
  const published = await readFile(first.publicFile, "utf8");
  const third = await ensureServiceKeys(services, { folder: join(folder, "keys") });
  expect(second).toEqual(first);
  expect(third).toEqual(first);
  expect(await readFile(third.publicFile, "utf8")).toBe(published);
});

it("generates a new key only for the service whose key was removed", async () => {
  const before = await ensureServiceKeys(services, { folder: join(folder, "keys") });
  const old = JSON.parse(await readFile(before.publicFile, "utf8")).keys;
  await rm(before.privateFiles.get("order") ?? "");
  await ensureServiceKeys(services, { folder: join(folder, "keys") });
  const now = JSON.parse(await readFile(before.publicFile, "utf8")).keys;
  const changed = now.filter((key: { x: string }) => !old.some(({ x }: { x: string }) => x === key.x));
  expect(changed.map(({ kid }: { kid: string }) => kid.split("/")[0])).toEqual(["order"]);
});

it.each([
  ["no JSON", "hello"],
  ["null", "null"],
  ["another service's key", '{"kty":"OKP","crv":"Ed25519","x":"a","d":"b","kid":"user/1"}'],
  ["a public key", '{"kty":"OKP","crv":"Ed25519","x":"a","kid":"order/1"}'],
])("names a file that contains %s", async (_what, text) => {
  const { privateFiles } = await ensureServiceKeys(services, { folder: join(folder, "keys") });
  const file = privateFiles.get("order") ?? "";
  await writeFile(file, text);
  await expect(ensureServiceKeys(services, { folder: join(folder, "keys") })).rejects.toThrow(
    new UnusableKeyError("order", file),
  );
});
