// `npm run test:upgrade`: a rolling upgrade. Two replicas of each service of the previous release (deploy/previous-release) serve calls with
// one PostgreSQL server; one of each is replaced by this release, both releases serve side by side, and then the others are replaced. No
// call may be lost, and the invariants hold at the end. The last line is `N passed, N failed`.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startPostgresServer } from "@parley/store/postgres-server";
import { deployedServices } from "../../scripts/deploy/deployment.ts";
import { root } from "../../scripts/run-command.ts";
import { findRedisServer, redisProgram } from "../processes/redis-program.ts";
import { createChecks } from "../topology/checks.ts";
import { findPostgres } from "../topology/stores.ts";
import { checkOut, hasCommit, previousRelease } from "./previous-release.ts";
import { createSlots } from "./slots.ts";
import { upgrade } from "./upgrade.ts";

const admin = { email: "admin@example.com", password: "the admin of the upgrade" };
const commit = await previousRelease();
process.exit(await main());

async function main(): Promise<number> {
  const postgres = await findPostgres();
  const reason = (await hasCommit(commit))
    ? postgres === undefined && "there is no PostgreSQL server"
    : `the history of this clone does not reach the previous release ${commit}: git fetch --unshallow`;
  if (postgres === undefined || reason !== false) {
    console.log(`Left out, since ${reason}: the rolling upgrade`);
    console.log("0 passed, 0 failed");
    return 0;
  }
  const folder = await mkdtemp(join(tmpdir(), "parley-upgrade-"));
  const previous = join(folder, "previous");
  const checks = createChecks();
  const stops: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 3 })];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void stop().finally(() => process.exit(130)));
  }
  try {
    await mkdir(previous);
    await checkOut(commit, previous);
    const server = await startPostgresServer({ binaries: postgres, durable: false, settings: ["max_connections=200"] });
    stops.push(() => server.stop());
    const keysFolder = join(folder, "keys");
    const cli = join(previous, "packages/cli/src/bin.ts");
    await promisify(execFile)(process.execPath, [cli, "keys", "--folder", keysFolder], { cwd: previous });
    const services = await deployedServices(join(root, "gen/services.js"));
    const redisServer = findRedisServer();
    for (const broker of redisServer === undefined ? ["direct"] : ["direct", "redis"]) {
      const redis = broker === "direct" ? undefined : await redisProgram(redisServer as string, folder);
      await redis?.start();
      stops.push(async () => redis?.kill());
      const slots = await createSlots({
        services: services.filter(({ main }) => existsSync(join(previous, main))),
        release: previous,
        keysFolder,
        brokerUrl: redis?.url ?? "direct",
        admin,
        async databaseUrl(service) {
          await server.createDatabase(`${service}-${broker}`);
          return server.url(`${service}-${broker}`);
        },
      });
      const end = async () => void (await Promise.all(slots.map(({ program }) => program.kill())));
      stops.push(end);
      console.log(`From ${commit.slice(0, 7)} to this release, events by ${broker}`);
      await upgrade(slots, { release: root, admin, checks });
      await end();
    }
  } catch (error) {
    await checks.check("the upgrade runs", () => Promise.reject(error));
  } finally {
    await stop();
  }
  return checks.finish();
}
