import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { refusal } from "../testing/refusal.ts";
import { openUserService } from "../testing/test-user-service.ts";

const dora = { name: "Dora", email: "dora@example.com" };
const password = "correct horse";
const requestId = "0d9d1f5e-6d0f-4a8e-9a55-64e0c7f0a111";
const wrong = { code: Code.Unauthenticated, reason: "WRONG_CREDENTIALS" };

test("an account without a password cannot sign in, and gets the error of a wrong password", async () => {
  await using service = await openUserService();
  await service.users.createUser(dora);
  await service.users.createUser({ ...dora, email: "other@example.com", password });
  const known = await refusal(service.users.login({ email: "other@example.com", password: "wrong horse" }));
  expect(known).toMatchObject(wrong);
  for (const guess of [password, "none", "\0"]) {
    expect(await refusal(service.users.login({ ...dora, password: guess }))).toEqual(known);
  }
});

test("failed sign-ins of an account without a password are counted like those of others", async () => {
  await using service = await openUserService();
  await service.users.createUser(dora);
  const reasons: (string | undefined)[] = [];
  for (let i = 0; i < 7; i++) {
    reasons.push((await refusal(service.users.login({ ...dora, password }))).reason);
  }
  expect(reasons).toEqual([...Array(6).fill("WRONG_CREDENTIALS"), "TOO_MANY_FAILED_LOGINS"]);
});

test("its first password is set with an empty current one, once", async () => {
  await using service = await openUserService();
  const { user } = await service.users.createUser(dora);
  const set = (newPassword: string, currentPassword = "") =>
    service.users.changePassword({ userId: user?.id ?? "", currentPassword, newPassword });
  expect(await refusal(set(password, "a guess"))).toMatchObject(wrong);
  await set(password);
  expect((await service.users.login({ ...dora, password })).user?.id).toBe(user?.id);
  expect(await refusal(set("another horse"))).toMatchObject(wrong);
  await set("another horse", password);
});

test("of concurrent first passwords, one is set", async () => {
  await using service = await openUserService();
  const { user } = await service.users.createUser(dora);
  const passwords = [1, 2, 3, 4].map((number) => `correct horse ${number}`);
  const outcomes = await Promise.allSettled(
    passwords.map((newPassword) => service.users.changePassword({ userId: user?.id ?? "", newPassword })),
  );
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  const right = passwords[outcomes.findIndex(({ status }) => status === "fulfilled")] ?? "";
  expect((await service.users.login({ ...dora, password: right })).user?.id).toBe(user?.id);
});

test("the same request id creates one account, also after its password was set, and a request with a password is refused", async () => {
  await using service = await openUserService();
  const create = (given = "") => service.users.createUser({ ...dora, password: given, requestId });
  const answers = await Promise.all([1, 2, 3].map(() => create()));
  expect(new Set(answers.map(({ user }) => user?.id)).size).toBe(1);
  await service.users.changePassword({ userId: answers[0]?.user?.id ?? "", newPassword: password });
  expect((await create()).user).toEqual(answers[0]?.user);
  expect(await refusal(create(password))).toMatchObject({ code: Code.InvalidArgument, reason: "REQUEST_ID_REUSED" });
});

test("a request without a password cannot reuse the request id of an account with one", async () => {
  await using service = await openUserService();
  await service.users.createUser({ ...dora, password, requestId });
  expect(await refusal(service.users.createUser({ ...dora, requestId }))).toMatchObject({
    code: Code.InvalidArgument,
    reason: "REQUEST_ID_REUSED",
  });
});
