import { toJsonString } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { UserRole } from "@parley/gen/user/v1/user_pb.js";
import { CreateUserResponseSchema } from "@parley/gen/user/v1/user_service_pb.js";
import { testPostgresUrl } from "@parley/store/testing";
import { expect, test } from "vitest";
import { refusal } from "./testing/refusal.ts";
import { openUserService } from "./testing/test-user-service.ts";

const dora = { name: "Dora", email: "Dora@Example.com", phone: "1", address: "Here", password: "correct horse" };
const requestId = "0d9d1f5e-6d0f-4a8e-9a55-64e0c7f0a111";

test("a new account is a customer's, and neither password nor hash is returned or stored in clear", async () => {
  await using service = await openUserService();
  const answer = await service.users.createUser({ ...dora, requestId });
  expect(answer.user).toMatchObject({ name: "Dora", email: "Dora@Example.com", role: UserRole.CUSTOMER, etag: "v1" });
  expect(toJsonString(CreateUserResponseSchema, answer)).not.toMatch(/horse|argon/);
  const id = answer.user?.id ?? "";
  expect((await service.users.getUser({ userId: id })).user).toEqual(answer.user);
  const tables = await service.database.all<{ name: string }>(
    testPostgresUrl === undefined
      ? "SELECT name FROM sqlite_master WHERE type = 'table'"
      : "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()",
  );
  for (const { name } of tables) {
    expect(JSON.stringify(await service.database.all(`SELECT * FROM ${name}`))).not.toContain("correct horse");
  }
  const row = await service.database.get<{ password_hash: string }>("SELECT password_hash FROM users WHERE id = ?", id);
  expect(row?.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
});

test("an e-mail address is unique regardless of case, also among concurrent calls", async () => {
  await using service = await openUserService();
  expect(await refusal(service.users.createUser({ ...dora, email: "ALICE@example.COM" }))).toMatchObject({
    code: Code.AlreadyExists,
    reason: "EMAIL_TAKEN",
    metadata: { field: "email" },
  });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 6 }, (_, i) =>
      service.users.createUser(i % 2 ? dora : { ...dora, email: "dora@example.com" }),
    ),
  );
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("the same request id creates one account; another body, or another password, is refused", async () => {
  await using service = await openUserService();
  const answers = await Promise.all(Array.from({ length: 5 }, () => service.users.createUser({ ...dora, requestId })));
  expect(new Set(answers.map(({ user }) => user?.id)).size).toBe(1);
  for (const other of [{ name: "Dorothy" }, { password: "correct hearse" }]) {
    expect(await refusal(service.users.createUser({ ...dora, ...other, requestId }))).toMatchObject({
      code: Code.InvalidArgument,
      reason: "REQUEST_ID_REUSED",
    });
  }
});

test("two accounts with the same password have different hashes", async () => {
  await using service = await openUserService();
  await service.users.createUser(dora);
  await service.users.createUser({ ...dora, email: "d2@example.com" });
  await service.users.createUser({ ...dora, email: "d3@example.com", requestId });
  const rows = await service.database.all("SELECT DISTINCT password_hash FROM users WHERE name = 'Dora'");
  expect(rows).toHaveLength(3);
});

test.each([
  ["no name", { name: "" }],
  ["too long a name", { name: "x".repeat(101) }],
  ["a line break in the name", { name: "Dora\r\nBcc: all@example.com" }],
  ["NUL in the name", { name: "Dora\0" }],
  ["a control character in the telephone number", { phone: "1\u007f2" }],
  ["NUL in the address", { address: "1 Road\0" }],
  ["an e-mail address that is none", { email: "dora" }],
  ["a short password", { password: "1234567" }],
  ["too long a password", { password: "x".repeat(129) }],
  ["a request id that is no UUID", { requestId: "once" }],
])("an account with %s is invalid and not stored", async (_name, wrong) => {
  await using service = await openUserService();
  expect((await refusal(service.users.createUser({ ...dora, ...wrong }))).code).toBe(Code.InvalidArgument);
  expect((await service.users.listUsers({})).users).toHaveLength(3);
});

test("the sample users are those of the contract", async () => {
  await using service = await openUserService();
  const { users, nextPageToken } = await service.users.listUsers({});
  expect(users.map(({ id, name, email }) => [id, name, email])).toEqual([
    ["1", "Alice Johnson", "alice@example.com"],
    ["2", "Bob Smith", "bob@example.com"],
    ["3", "Charlie Brown", "charlie@example.com"],
  ]);
  expect(nextPageToken).toBe("");
});

test("users are listed a page at a time, and an invalid page token is refused", async () => {
  await using service = await openUserService();
  const first = await service.users.listUsers({ pageSize: 2 });
  const second = await service.users.listUsers({ pageSize: 2, pageToken: first.nextPageToken });
  expect([...first.users, ...second.users].map(({ id }) => id)).toEqual(["1", "2", "3"]);
  expect(second.nextPageToken).toBe("");
  expect(await refusal(service.users.listUsers({ pageToken: "nonsense" }))).toMatchObject({
    reason: "INVALID_PAGE_TOKEN",
  });
  expect((await refusal(service.users.listUsers({ pageSize: 101 }))).code).toBe(Code.InvalidArgument);
});

test("a batch keeps the order of the ids, and an error names the missing ones", async () => {
  await using service = await openUserService();
  const { users } = await service.users.batchGetUsers({ userIds: ["3", "1"] });
  expect(users.map(({ id }) => id)).toEqual(["3", "1"]);
  expect(await refusal(service.users.batchGetUsers({ userIds: ["3", "x", "1", "y"] }))).toMatchObject({
    code: Code.NotFound,
    reason: "USER_NOT_FOUND",
    metadata: { userId: "x", userIds: "x,y" },
  });
});

test("a buyer is valid, and an unknown one is not found", async () => {
  await using service = await openUserService();
  expect(await service.users.validateUser({ userId: "1" })).toMatchObject({
    valid: true,
    name: "Alice Johnson",
    email: "alice@example.com",
  });
  expect(await refusal(service.users.validateUser({ userId: "9" }))).toMatchObject({
    code: Code.NotFound,
    reason: "USER_NOT_FOUND",
    metadata: { userId: "9" },
  });
});

test("an update changes the fields in the mask, or the set fields, and a repeat gets the first answer", async () => {
  await using service = await openUserService();
  await service.clock.advance(2_000);
  const masked = {
    user: { id: "1", name: "Alice J.", phone: "7" },
    updateMask: { paths: ["name", "address"] },
    requestId,
  };
  const first = await service.users.updateUser(masked);
  expect(first.user).toMatchObject({ name: "Alice J.", address: "", phone: "+1 555 0101", etag: "v2" });
  await service.users.updateUser({ user: { id: "1", email: "a@example.com" } });
  expect(await service.users.updateUser(masked)).toEqual(first);
  const { user } = await service.users.getUser({ userId: "1" });
  expect(user).toMatchObject({ name: "Alice J.", email: "a@example.com", etag: "v3" });
});

test("an e-mail address can change its case, and a released one can be taken", async () => {
  await using service = await openUserService();
  await service.users.updateUser({ user: { id: "1", email: "ALICE@example.com" } });
  await service.users.updateUser({ user: { id: "1", email: "other@example.com" } });
  await service.users.createUser({ ...dora, email: "alice@example.com" });
  expect(await refusal(service.users.updateUser({ user: { id: "2", email: "Other@example.com" } }))).toMatchObject({
    code: Code.AlreadyExists,
    reason: "EMAIL_TAKEN",
    metadata: { field: "user.email" },
  });
});

test.each([
  ["an empty name", { name: "" }, ["name"], Code.InvalidArgument],
  ["an e-mail address that is none", { email: "alice" }, ["email"], Code.InvalidArgument],
  ["no e-mail address", { email: "" }, ["email"], Code.InvalidArgument],
  ["a name with a line break", { name: "A\nB" }, ["name"], Code.InvalidArgument],
  ["an address with NUL", { address: "A\0" }, ["address"], Code.InvalidArgument],
  ["another role", { role: UserRole.ADMIN }, ["role"], Code.InvalidArgument],
  ["a part of a name", { name: "X" }, ["name.first"], Code.InvalidArgument],
  ["an old etag", { name: "X", etag: "v0" }, ["name"], Code.Aborted],
])("an update to %s is refused and changes nothing", async (_name, user, paths, code) => {
  await using service = await openUserService();
  const update = service.users.updateUser({ user: { id: "1", ...user }, updateMask: { paths } });
  expect((await refusal(update)).code).toBe(code);
  expect((await service.users.getUser({ userId: "1" })).user).toMatchObject({ etag: "v1", role: UserRole.CUSTOMER });
});

test("an update without a mask makes no user an admin", async () => {
  await using service = await openUserService();
  const { user } = await service.users.updateUser({ user: { id: "1", name: "A", role: UserRole.ADMIN } });
  expect(user?.role).toBe(UserRole.CUSTOMER);
});

test("a batch looks up each user by itself, also repeated ones", async () => {
  await using service = await openUserService();
  const requests = ["1", "404", "2", "1"].map((userId) => ({ userId }));
  const { results } = await service.users.batchValidateUsers({ requests });
  expect(results.map(({ result }) => (result.case === "response" ? result.value.name : result.value?.code))).toEqual([
    "Alice Johnson",
    Code.NotFound,
    "Bob Smith",
    "Alice Johnson",
  ]);
});

test("a deleted account is not found, and its sign-ins have ended", async () => {
  await using service = await openUserService();
  const { refreshToken } = await service.users.login({ email: "bob@example.com", password: "parley-sample" });
  expect((await refusal(service.users.deleteUser({ userId: "2", etag: "v2" }))).code).toBe(Code.Aborted);
  await service.users.deleteUser({ userId: "2", etag: "v1" });
  expect((await refusal(service.users.getUser({ userId: "2" }))).code).toBe(Code.NotFound);
  expect((await refusal(service.users.deleteUser({ userId: "2" }))).code).toBe(Code.NotFound);
  expect((await refusal(service.users.refreshLogin({ refreshToken }))).code).toBe(Code.Unauthenticated);
});
