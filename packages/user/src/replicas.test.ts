import { createClient } from "@connectrpc/connect";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { reasonOf, systemEnvironment } from "@parley/rpc";
import { connectInMemory } from "@parley/rpc/testing";
import { describeReplicas } from "@parley/store/testing";
import { expect, test } from "vitest";
import { createUserModule, samplePassword, userMigrations } from "./index.ts";

const alice = { email: "alice@example.com", password: samplePassword };
const admin = { email: "admin@example.com", password: "a-long-password" };

describeReplicas("replicas of the user service", (openReplicas) => {
  async function start(count = 2) {
    const replicas = await openReplicas(userMigrations, count);
    const environment = systemEnvironment({ name: "user", logLevel: "silent" });
    const modules = replicas.databases.map((database) =>
      createUserModule({ environment, database, sampleData: true, admin }),
    );
    await Promise.all(modules.map((module) => module.start?.()));
    const clients = modules.map((module) => createClient(UserService, connectInMemory(module, environment)));
    const [one, other = one] = clients as [(typeof clients)[0], (typeof clients)[0]];
    return {
      one,
      other,
      modules,
      database: replicas.databases[0],
      async [Symbol.asyncDispose]() {
        await Promise.all(modules.map((module) => module.stop?.()));
        await replicas[Symbol.asyncDispose]();
      },
    };
  }
  const reason = (outcome: PromiseSettledResult<unknown>) =>
    outcome.status === "rejected" ? (reasonOf(outcome.reason)?.reason ?? String(outcome.reason)) : "answered";

  test("that start at the same time create the first users and the admin once", async () => {
    await using world = await start(4);
    expect((await world.one.listUsers({})).users.map(({ email }) => email).sort()).toEqual([
      "admin@example.com",
      "alice@example.com",
      "bob@example.com",
      "charlie@example.com",
    ]);
  });

  test("that receive the same refresh token at the same time exchange it once, and revoke its family as stolen", async () => {
    await using world = await start();
    for (let round = 0; round < 5; round++) {
      const { refreshToken } = await world.one.login(alice);
      const outcomes = await Promise.allSettled([
        world.one.refreshLogin({ refreshToken }),
        world.other.refreshLogin({ refreshToken }),
      ]);
      expect(outcomes.map(reason).sort()).toEqual(["REFRESH_TOKEN_ENDED", "answered"]);
      const exchanged = outcomes.find((outcome) => outcome.status === "fulfilled")?.value.refreshToken ?? "";
      await expect(world.one.refreshLogin({ refreshToken: exchanged })).rejects.toSatisfy(
        (error) => reasonOf(error)?.reason === "REFRESH_TOKEN_ENDED",
      );
    }
  });

  test("that end a sign-in while it is refreshed leave no token of it", async () => {
    await using world = await start();
    for (let round = 0; round < 5; round++) {
      const { refreshToken } = await world.one.login(alice);
      const [refreshed] = await Promise.allSettled([
        world.one.refreshLogin({ refreshToken }),
        world.other.revokeSessions({ userId: "1" }),
      ]);
      if (refreshed.status === "fulfilled") {
        const next = refreshed.value.refreshToken;
        await expect(world.one.refreshLogin({ refreshToken: next })).rejects.toThrow();
      }
      const open = await world.database?.all("SELECT token_hash FROM refresh_tokens WHERE revoke_time IS NULL");
      expect(open).toEqual([]);
    }
  });

  test("that assign one e-mail address at the same time refuse all accounts but one with EMAIL_TAKEN", async () => {
    await using world = await start();
    for (let round = 0; round < 5; round++) {
      const change = (id: string, client: typeof world.one) =>
        client.updateUser({ user: { id, email: `new-${round}@example.com` }, updateMask: { paths: ["email"] } });
      const outcomes = await Promise.allSettled([change("1", world.one), change("2", world.other)]);
      expect(outcomes.map(reason).sort()).toEqual(["EMAIL_TAKEN", "answered"]);
    }
  });

  test("that receive a new account and its repetition at the same time create it once", async () => {
    await using world = await start();
    const account = { name: "Dora", email: "dora@example.com", password: "correct horse" };
    const request = { ...account, requestId: "0d9d1f5e-6d0f-4a8e-9a55-64e0c7f0a111" };
    const [one, other] = await Promise.all([world.one.createUser(request), world.other.createUser(request)]);
    expect(one).toEqual(other);
  });

  test("sign with the newest key after another one rotated it", async () => {
    await using world = await start();
    await world.one.login(alice);
    const { keyId } = await world.other.rotateSigningKey({ revokeOldKeys: true });
    const { accessToken } = await world.one.login(alice);
    const [header = ""] = accessToken.split(".");
    expect(JSON.parse(Buffer.from(header, "base64url").toString())).toMatchObject({ kid: keyId });
  });
});
