import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { UserNotAllowedError, UserNotFoundError } from "../order-errors.ts";
import { between, type Checkpoint } from "./checkpoint.ts";
import { dependencyFailure } from "./dependency-failure.ts";
import type { SagaCall } from "./saga-call.ts";

/** The part of the user service that orders use. */
export type UserClient = Pick<Client<typeof UserService>, "validateUser">;

/** The data of a buyer that an order stores. */
export interface Buyer {
  readonly name: string;
  readonly email: string;
}

/** Returns the buyer. */
export interface Buyers {
  /** Throws {@link UserNotFoundError}, {@link UserNotAllowedError}, {@link DependencyError}. */
  get(userId: string, call: SagaCall): Promise<Buyer>;
}

export function createBuyers(users: UserClient, checkpoint?: Checkpoint): Buyers {
  const validateUser = (userId: string, call: SagaCall) => users.validateUser({ userId }, call.options());
  const validateAt: typeof validateUser =
    checkpoint === undefined
      ? validateUser
      : (...all) => between(checkpoint, "ValidateUser", () => validateUser(...all));
  return {
    async get(userId, call) {
      const { valid, name, email } = await validateAt(userId, call).catch((error: unknown) => {
        if (error instanceof ConnectError && error.code === Code.NotFound) {
          throw new UserNotFoundError(userId, { cause: error });
        }
        throw dependencyFailure("user service", error);
      });
      if (!valid) throw new UserNotAllowedError(userId);
      return { name, email };
    },
  };
}
