// The disk fails under a running service: it reports the failure and exits, since only a new process can read what the disk really stored.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Program } from "../processes/program.ts";
import { serviceProgram } from "../processes/service-program.ts";

let folder: string;
let user: Program;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-disk-failure-"));
  user = await serviceProgram({
    name: "user",
    main: "packages/user/src/main.ts",
    databasePath: join(folder, "user.db"),
    settings: {
      NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(failingDisk)}`,
      DISK_FAILS: join(folder, "disk-fails"),
    },
  });
});
afterAll(async () => {
  await user?.kill();
  await rm(folder, { recursive: true, force: true });
});

/** Loaded before the service: fsync fails as soon as a certain file exists. */
const failingDisk = `
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
const { fdatasync } = fs;
fs.fdatasync = (descriptor, done) =>
  fs.existsSync(process.env.DISK_FAILS) ? done(new Error("EIO: i/o error, fdatasync")) : fdatasync(descriptor, done);
syncBuiltinESMExports();
`;

async function createUser(email: string): Promise<number> {
  const response = await fetch(`${user.url}/user.v1.UserService/CreateUser`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "Dora Disk", email, password: "correct horse" }),
  });
  return response.status;
}

it("refuses writes, exits with 1, and restarts with everything that it acknowledged", async () => {
  await user.start();
  expect(await createUser("before@example.com")).toBe(200);
  await writeFile(join(folder, "disk-fails"), "");
  expect(await createUser("during@example.com")).toBe(503);
  expect(await user.ended()).toBe(1);
  expect(user.output()).toContain("cannot continue");
  expect(user.output()).toContain("The disk failed while a commit was written");

  await rm(join(folder, "disk-fails"));
  await user.start();
  expect(await createUser("before@example.com")).toBe(409);
  expect(await createUser("after@example.com")).toBe(200);
  user.signal("SIGTERM");
  expect(await user.ended()).toBe(0);
}, 60_000);
