import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import type { EventLog } from "@parley/events";
import { type CreateUserRequest, type CreateUserResponse, UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { callContextKey, type Environment } from "@parley/rpc";
import { batchOf, implement, type ServiceEntry } from "@parley/rpc/server";
import { answerBefore, answerOnce, type Database, RequestIdReusedError, readPage } from "@parley/store";
import { addUser, editUser, removeUser } from "./accounts.ts";
import { answering, callerName } from "./error-answers.ts";
import { clientAddress } from "./sign-in/client-address.ts";
import { noPasswordHash, type PasswordHasher } from "./sign-in/password-hash.ts";
import type { Session, SignIn } from "./sign-in/sign-in.ts";
import type { SigningKeys } from "./sign-in/signing-keys.ts";
import { emailTaken, UserError, userNotFound } from "./user-errors.ts";
import { publishUserCreated } from "./user-events.ts";
import { changeOf, userMessage } from "./user-messages.ts";
import {
  type Buyer,
  findBuyer,
  findBuyers,
  findPasswordHash,
  findUser,
  findUserByEmail,
  findUsers,
  userList,
} from "./user-store.ts";

export interface UserServiceOptions {
  readonly environment: Environment;
  readonly database: Database;
  readonly eventLog: EventLog;
  readonly passwords: PasswordHasher;
  readonly signIn: SignIn;
  readonly keys: SigningKeys;
  /** Whether callers must sign in. */
  readonly signInRequired: boolean;
}

/** `user.v1.UserService`: accounts and sign-in. */
export function createUserService(options: UserServiceOptions): ServiceEntry {
  const { environment, database, eventLog, passwords, signIn, keys, signInRequired } = options;
  const { clock, newId } = environment;
  const { method } = UserService;

  /** The first answer of a repeated request, if the password matches the account's: the stored request does not contain it. */
  async function samePassword(
    before: CreateUserResponse,
    { password, requestId }: CreateUserRequest,
    context: HandlerContext,
  ): Promise<CreateUserResponse> {
    if (password === "") {
      return before;
    }
    const hash = await findPasswordHash(database, before.user?.id ?? "");
    const caller = { address: clientAddress(context, signInRequired).turn, signal: context.signal };
    if (hash !== undefined && !(await passwords.verify(password, hash, caller))) {
      throw new RequestIdReusedError(requestId);
    }
    return before;
  }

  return implement(UserService, {
    createUser: answering(async (request, context) => {
      const [nowMs, caller, address] = [clock.now(), callerName(context), clientAddress(context, signInRequired)];
      // The hash of the request is stored unsalted, so it must not include the password. It includes only whether there was one.
      const password = request.password === "" ? "none" : "";
      const call = { method: method.createUser, request: { ...request, password }, caller, nowMs };
      const before = await answerBefore(database, call);
      if (before !== undefined) {
        return samePassword(before, request, context);
      }
      // Hashing is expensive: cheaper checks come first.
      if ((await findUserByEmail(database, request.email)) !== undefined) {
        // A concurrent copy of this request may have created the account.
        const meanwhile = await answerBefore(database, call);
        if (meanwhile !== undefined) {
          return samePassword(meanwhile, request, context);
        }
        throw emailTaken("email");
      }
      const passwordHash =
        request.password === ""
          ? noPasswordHash
          : await passwords.hash(request.password, { address: address.turn, signal: context.signal });
      return database.transaction((transaction) =>
        answerOnce(transaction, call, async () => {
          const { name, email, phone, address } = request;
          const fields = { id: newId(), name, email, phone, address, role: "customer" } as const;
          const user = await addUser(transaction, fields, { passwordHash, nowMs });
          await publishUserCreated(eventLog, transaction, { user, cause: context.values.get(callContextKey) });
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
        throw new UserError("INVALID_FIELD", "`user` is required.", { metadata: { field: "user" } });
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
      const session = await signIn.login({ email, password, address: clientAddress(context, signInRequired), signal });
      return { user: userMessage(session.user), ...tokensOf(session) };
    }),

    changePassword: answering(async ({ userId, currentPassword, newPassword }, context) => {
      const isAdmin = context.values.get(callContextKey)?.caller?.kind === "admin";
      await signIn.changePassword({
        userId,
        currentPassword: isAdmin && currentPassword === "" ? undefined : currentPassword,
        newPassword,
        address: clientAddress(context, signInRequired),
        signal: context.signal,
      });
      return {};
    }),

    revokeSessions: answering(async ({ userId }) => {
      await signIn.revokeSessions(userId);
      return {};
    }),

    rotateSigningKey: answering(async ({ revokeOldKeys }) => {
      const { id } = await keys.rotate({ revokeOldKeys });
      return { keyId: id };
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
