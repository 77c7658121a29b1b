import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { testKey } from "./access-fixture.ts";
import { readServiceKey, readServiceKeys } from "./key-files.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-key-files-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function file(content: unknown): Promise<string> {
  const path = join(folder, "keys.json");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const order = testKey("order/1");

describe("the public keys of services", () => {
  test("are read", async () => {
    expect(await readServiceKeys(await file({ keys: [order.publicJwk] }))).toEqual({ keys: [order.publicJwk] });
  });

  test.each([
    ["is not JSON", "hello", "it is not JSON"],
    ["is not a JWK Set", "null", "not a JWK Set"],
    ["contains a private key", { keys: [order.privateJwk] }, "order/1 is a private key"],
    [
      "contains a key without a service",
      { keys: [testKey("order").publicJwk] },
      "not of the form <service>/<anything>",
    ],
    ["contains a key without an id", { keys: [{ kty: "OKP" }] }, "(none) is not of the form"],
  ])("are refused if the file %s", async (_what, content, words) => {
    await expect(readServiceKeys(await file(content))).rejects.toThrow(words);
  });

  test("are refused if there is no file", async () => {
    await expect(readServiceKeys(join(folder, "missing.json"))).rejects.toThrow("missing.json");
  });
});

describe("a service's private key", () => {
  test("is read", async () => {
    expect(await readServiceKey("order", await file(order.privateJwk))).toEqual(order.privateJwk);
  });

  test.each([
    ["null", "null"],
    ["a public key", order.publicJwk],
    ["another service's key", testKey("user/1").privateJwk],
    ["a key whose service's name begins the same", testKey("order-archive/1").privateJwk],
  ])("is not %s", async (_what, content) => {
    await expect(readServiceKey("order", await file(content))).rejects.toThrow("no private key of the service order");
  });
});
