import { createHash } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { EventLog } from "@parley/events";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { callContextKey, type Environment } from "@parley/rpc";
import { batchOf, implement, type ServiceEntry } from "@parley/rpc/server";
import { answerOnce, type Database, readPage } from "@parley/store";
import { addUser, editUser, removeUser } from "./accounts.ts";
import { answering, callerName, clientAddress } from "./error-answers.ts";
import type { PasswordHasher } from "./sign-in/password-hash.ts";
import type { Session, SignIn } from "./sign-in/sign-in.ts";
import { UserError, userNotFound } from "./user-errors.ts";
import { tellUserCreated } from "./user-events.ts";
import { changeOf, userMessage } from "./user-messages.ts";
import { type Buyer, findBuyer, findBuyers, findUser, findUsers, userList } from "./user-store.ts";

export interface UserServiceOptions {
  readonly environment: Environment;
  readonly database: Database;
  readonly eventLog: EventLog;
  readonly passwords: PasswordHasher;
  readonly signIn: SignIn;
}

/** `user.v1.UserService`: accounts and sign-in, contract in, contract out. */
export function createUserService(options: UserServiceOptions): ServiceEntry {
  const { environment, database, eventLog, passwords, signIn } = options;
  const { clock, newId } = environment;
  const { method } = UserService;

  return implement(UserService, {
    createUser: answering(async (request, context) => {
      const salt = request.requestId === "" ? undefined : saltOf(request.requestId);
      const passwordHash = await passwords.hash(request.password, { salt, signal: context.signal });
      const [nowMs, caller] = [clock.now(), callerName(context)];
      // What is kept of a request must not make its password easier to guess than the account does.
      const call = { method: method.createUser, request: { ...request, password: passwordHash }, caller, nowMs };
      return database.transaction((transaction) =>
        answerOnce(transaction, call, async () => {
          const { name, email, phone, address } = request;
          const fields = { id: newId(), name, email, phone, address, role: "customer" } as const;
          const user = await addUser(transaction, fields, { passwordHash, nowMs });
          await tellUserCreated(eventLog, transaction, { user, cause: context.values.get(callContextKey) });
          return { user: userMessage(user) };
        }),
      );
    }),

    getUser: answering(async ({ userId: id }) => {
      const user = await findUser(database, id);
      if (user === undefined) {
        throw userNotFound([id]);
      }
      return { user: userMessage(user) };
    }),

    batchGetUsers: answering(async ({ userIds: ids }) => {
      const found = await findUsers(database, ids);
      const users = ids.map((id) => found.get(id)).filter((user) => user !== undefined);
      if (users.length < ids.length) {
        throw userNotFound(ids.filter((id) => !found.has(id)));
      }
      return { users: users.map(userMessage) };
    }),

    listUsers: answering(async (page) => {
      const { rows, nextPageToken } = await readPage(page, userList(database));
      return { users: rows.map(userMessage), nextPageToken };
    }),

    updateUser: answering(async (request, context) => {
      const { user, updateMask } = request;
      if (user === undefined) {
        throw new UserError("INVALID_FIELD", "user must be set.", { metadata: { field: "user" } });
      }
      const [nowMs, caller] = [clock.now(), callerName(context)];
      return database.transaction((transaction) =>
        answerOnce(transaction, { method: method.updateUser, request, caller, nowMs }, async () => {
          const change = changeOf(user, updateMask?.paths ?? []);
          return { user: userMessage(await editUser(transaction, { id: user.id, etag: user.etag, change, nowMs })) };
        }),
      );
    }),

    deleteUser: answering(async ({ userId: id, etag }) => {
      await database.transaction((transaction) => removeUser(transaction, { id, etag }));
      return {};
    }),

    validateUser: answering(async ({ userId }) => buyerAnswer(userId, await findBuyer(database, userId))),

    batchValidateUsers: batchOf(method.validateUser, (requests) => {
      const found = findBuyers(database, [...new Set(requests.map(({ userId }) => userId))]);
      return answering(async ({ userId }) => buyerAnswer(userId, (await found).get(userId)));
    }),

    login: answering(async ({ email, password }, context) => {
      const { signal } = context;
      const session = await signIn.login({ email, password, address: clientAddress(context), signal });
      return { user: userMessage(session.user), ...tokensOf(session) };
    }),

    refreshLogin: answering(async ({ refreshToken }) => tokensOf(await signIn.refresh(refreshToken))),

    logout: answering(async ({ refreshToken }) => {
      await signIn.logout(refreshToken);
      return {};
    }),
  });
}

function buyerAnswer(userId: string, buyer: Buyer | undefined) {
  if (buyer === undefined) {
    throw userNotFound([userId]);
  }
  return { valid: true, name: buyer.name, email: buyer.email };
}

function tokensOf({ access, refreshToken }: Session) {
  return { accessToken: access.token, expireTime: timestampFromMs(access.expireTimeMs), refreshToken };
}

/**
 * The salt that goes with a request id: the same each time that the call comes, so that its repeats can be told from calls
 * with another password. No two accounts share it, as an id makes one account.
 */
function saltOf(requestId: string): Uint8Array {
  return createHash("sha256").update(`parley password salt ${requestId.toLowerCase()}`).digest().subarray(0, 16);
}
