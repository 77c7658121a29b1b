import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openUserService } from "../testing/test-user-service.ts";
import { createKeySeal, KeySealError, readOrMakeSecret } from "./key-seal.ts";

const secret = "a secret of more than thirty-two characters";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-key-seal-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("a text can be opened only with its secret, and is sealed differently each time", () => {
  const seal = createKeySeal(secret);
  const sealed = seal.seal("a private key");
  expect(sealed).not.toContain("private");
  expect(seal.seal("a private key")).not.toBe(sealed);
  expect(createKeySeal(secret).open(sealed)).toBe("a private key");
  expect(() => createKeySeal(`${secret}!`).open(sealed)).toThrow(KeySealError);
  expect(() => seal.open(`${sealed.slice(0, -2)}AA`)).toThrow(KeySealError);
  expect(() => seal.open("sealed:1:")).toThrow(KeySealError);
});

test("an unsealed text is returned unchanged", () => {
  expect(createKeySeal(secret).open('{"kty":"OKP"}')).toBe('{"kty":"OKP"}');
});

test("a secret is generated once, readable by its owner alone", async () => {
  const file = join(folder, "user.db.secret");
  const [one, other] = await Promise.all([readOrMakeSecret(file), readOrMakeSecret(file)]);
  expect([one, other]).toEqual(Array(2).fill(await readFile(file, "utf8")));
  expect(await readdir(folder)).toEqual(["user.db.secret"]);
  expect(await readOrMakeSecret(file)).toBe(await readFile(file, "utf8"));
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test("the database contains no key in clear, and sign-in works", async () => {
  await using service = await openUserService(undefined, { keySeal: createKeySeal(secret) });
  await service.users.login({ email: "alice@example.com", password: "parley-sample" });
  await service.users.rotateSigningKey({});
  const rows = await service.database.all<{ private_jwk: string }>("SELECT private_jwk FROM signing_keys");
  expect(rows.map(({ private_jwk }) => private_jwk.startsWith("sealed:1:"))).toEqual([true, true]);
});
