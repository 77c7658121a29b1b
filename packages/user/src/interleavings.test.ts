import { createClient } from "@connectrpc/connect";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { reasonOf, systemEnvironment } from "@parley/rpc";
import { connectInMemory } from "@parley/rpc/testing";
import type { Database } from "@parley/store";
import { describeInterleavings, type Operation } from "@parley/store/testing";
import { ensureAdmin, loadSampleUsers } from "./first-users.ts";
import { createUserModule, userMigrations } from "./index.ts";
import { hashOfToken } from "./sign-in/refresh-token.ts";
import { insertRefreshToken, pruneRefreshTokens } from "./sign-in/refresh-token-store.ts";
import { createSigningKeys } from "./sign-in/signing-keys.ts";

const uuid = (number: number) => `0d9d1f5e-6d0f-4a8e-9a55-${String(number).padStart(12, "0")}`;
const environment = systemEnvironment({ name: "user", logLevel: "silent" });
const dayMs = 86_400_000;

function replica(database: Database) {
  const { clock, newId } = environment;
  const users = createClient(UserService, connectInMemory(createUserModule({ environment, database }), environment));
  return { database, users, keys: createSigningKeys({ database, clock, newId }) };
}

/** A signing key, generated once. */
let firstKey: string | undefined;

async function makeKey(database: Database): Promise<string> {
  await replica(database).keys.rotate({ revokeOldKeys: true });
  return (await database.get<{ key: string }>("SELECT private_jwk AS key FROM signing_keys"))?.key ?? "";
}

type Replica = ReturnType<typeof replica>;

const changingEmail = (id: string, email: string, etag = "") => ({
  run: async ({ users }: Replica) =>
    (await users.updateUser({ user: { id, email, etag }, updateMask: { paths: ["email"] } })).user?.email,
});

/** Ann and Ben have accounts; Ann has signed in, with the refresh token "token". */
const operations: readonly Operation<Replica>[] = [
  {
    name: "refresh Ann's sign-in",
    run: async ({ users }) => typeof (await users.refreshLogin({ refreshToken: "token" })).refreshToken,
  },
  { name: "sign Ann out", run: ({ users }) => users.logout({ refreshToken: "token" }).then(() => 1) },
  { name: "end all sign-ins of Ann", run: ({ users }) => users.revokeSessions({ userId: "ann" }).then(() => 1) },
  { name: "change Ann's address", ...changingEmail("ann", "new@example.com") },
  { name: "change Ben's address to the same", ...changingEmail("ben", "new@example.com") },
  { name: "change Ann's address, if she is unchanged", ...changingEmail("ann", "other@example.com", "1") },
  { name: "delete Ann", run: ({ users }) => users.deleteUser({ userId: "ann" }).then(() => 1) },
  {
    name: "create an account with a request id",
    run: async ({ users }) =>
      (await users.createUser({ name: "New", email: "new@example.com", requestId: uuid(1) })).user?.email,
  },
  { name: "create the sample users", run: ({ database }) => loadSampleUsers(database, 1) },
  {
    name: "create the admin",
    run: ({ database }) =>
      ensureAdmin(database, {
        ...{ id: crypto.randomUUID(), email: "admin@example.com", nowMs: 1 },
        passwordHash: async () => "hash",
      }),
  },
  { name: "delete expired refresh tokens", run: ({ database }) => pruneRefreshTokens(database, Date.now()) },
  {
    name: "rotate the signing key, and revoke the old ones",
    run: ({ keys }) => keys.rotate({ revokeOldKeys: true }).then(() => 1),
  },
  {
    name: "sign with the current key",
    run: async ({ keys }) => typeof (await keys.current()).id,
  },
];

async function reset(database: Database): Promise<void> {
  firstKey ??= await makeKey(database);
  const key = firstKey;
  await database.transaction(async (transaction) => {
    const emptied = ["event_waiting", "event_log", "refresh_tokens", "signing_keys", "request_ids", "users"];
    for (const table of emptied) await transaction.run(`DELETE FROM ${table}`);
    for (const id of ["ann", "ben"]) {
      const email = `${id}@example.com`;
      await transaction.run(
        `INSERT INTO users (id, name, email, email_key, phone, address, role, password_hash, version, create_time, update_time)
         VALUES (?, ?, ?, ?, '', '', 'customer', '', 1, 0, 0)`,
        ...[id, id, email, email],
      );
    }
    await transaction.run("INSERT INTO signing_keys VALUES ('first', ?, ?)", key, Date.now() - dayMs);
    const of = { userId: "ann", familyId: "family", signInTimeMs: Date.now() };
    await insertRefreshToken(transaction, { ...of, hash: hashOfToken("token"), expireTimeMs: Date.now() + dayMs });
    await insertRefreshToken(transaction, { ...of, hash: "expired", familyId: "old", expireTimeMs: 1 });
  });
}

async function observe(database: Database) {
  const users = await database.all("SELECT name, email, version FROM users ORDER BY email");
  const tokens = await database.all(
    `SELECT family_id, CASE WHEN use_time IS NULL THEN 'unused' ELSE 'used' END AS used,
       CASE WHEN revoke_time IS NULL THEN 'open' ELSE 'revoked' END AS revoked
     FROM refresh_tokens ORDER BY family_id, used`,
  );
  const events = await database.all("SELECT type FROM event_log ORDER BY sequence");
  // Replicas that find no key may generate one each: all are published, and the newest one signs.
  const keys = await database.all("SELECT id FROM signing_keys WHERE id = 'first'");
  const [any] = await database.all("SELECT 1 AS one FROM signing_keys");
  return { users, tokens, events, keys, isAnyKey: any !== undefined };
}

describeInterleavings<Replica>("the user service's operations", {
  migrations: userMigrations,
  replica,
  reset,
  observe,
  reasonOf: (error) => reasonOf(error)?.reason ?? String(error),
  watched: { event_log: "without gaps" },
  operations,
});
