import { type Client, createClient } from "@connectrpc/connect";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { type Environment, systemEnvironment } from "@parley/rpc";
import type { ServiceModule } from "@parley/rpc/server";
import { connectInMemory, createTestClock, type TestClock } from "@parley/rpc/testing";
import type { Database } from "@parley/store";
import { openTestDatabase } from "@parley/store/testing";
import { type AdminAccount, createUserModule, type UserModuleOptions, userMigrations } from "../index.ts";

/** The user service in memory, with the sample users and a manual clock. */
export interface TestUserService extends AsyncDisposable {
  readonly users: Client<typeof UserService>;
  readonly module: ServiceModule;
  readonly database: Database;
  readonly environment: Environment;
  readonly clock: TestClock;
}

export async function openUserService(
  admin?: AdminAccount,
  options: Pick<UserModuleOptions, "signInRequired" | "keySeal"> = {},
): Promise<TestUserService> {
  const clock = createTestClock();
  const environment: Environment = { ...systemEnvironment({ name: "user", logLevel: "silent" }), clock };
  const database = await openTestDatabase({ migrations: userMigrations, clock });
  const module = createUserModule({ environment, database, sampleData: true, admin, ...options });
  await module.start?.();
  return {
    users: createClient(UserService, connectInMemory(module, environment)),
    module,
    database,
    environment,
    clock,
    [Symbol.asyncDispose]: async () => module.stop?.(),
  };
}
