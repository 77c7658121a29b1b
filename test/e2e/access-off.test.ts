import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Program } from "../processes/program.ts";
import { serviceProgram } from "../processes/service-program.ts";
import { rpcDialects } from "./access-dialects.ts";
import { accessTable } from "./access-table.ts";

let folder: string;
let user: Program;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-access-"));
  const main = "packages/user/src/main.ts";
  user = await serviceProgram({ name: "user", main, databasePath: join(folder, "user.db"), settings: { AUTH: "off" } });
  await user.start();
});
afterAll(async () => {
  await user?.kill();
  await rm(folder, { recursive: true, force: true });
});

test.each([
  ["a caller without a token", {}],
  ["a caller with an invalid token", { authorization: "Bearer made-up" }],
])("with AUTH off, every method is open to %s", async (_who, headers) => {
  const table = accessTable({ aliceId: "1", orderOfAlice: "none" });
  for (const method of UserService.methods) {
    const request = table[`${UserService.typeName}/${method.name}`]?.request ?? {};
    for (const call of Object.values(rpcDialects(user.url))) {
      expect([method.name, await call({ method, request, headers })]).toEqual([method.name, "in"]);
    }
  }
});
