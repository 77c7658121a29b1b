import { type ConnectError, createClient } from "@connectrpc/connect";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { reasonOf } from "@parley/rpc";
import type { Connection } from "../connection/connection.ts";

/**
 * Renews an expired access token for the connection's calls. A refresh token can be used once, so streams that end together share one
 * renewal. Returns false for other failures.
 */
export function renewal(
  { headers, transport, timeoutMs }: Connection,
  firstRefreshToken: string | undefined,
): (failure: ConnectError) => Promise<boolean> {
  const users = createClient(UserService, transport(UserService.typeName));
  let refreshToken = firstRefreshToken;
  let pending: Promise<boolean> | undefined;
  let renewedAtMs = Number.NEGATIVE_INFINITY;

  async function renew(): Promise<boolean> {
    const next = await users
      .refreshLogin({ refreshToken: refreshToken ?? "" }, timeoutMs === undefined ? {} : { timeoutMs })
      .catch(() => undefined);
    refreshToken = next?.refreshToken;
    if (next !== undefined) {
      headers.set("authorization", `Bearer ${next.accessToken}`);
      renewedAtMs = performance.now();
    }
    return next !== undefined;
  }

  return async (failure) => {
    if (reasonOf(failure)?.reason !== "TOKEN_ENDED") {
      return false;
    }
    // A stream that ended with the others and got its error a little later.
    if (performance.now() - renewedAtMs < sharedMs) {
      return true;
    }
    if (refreshToken === undefined) {
      return false;
    }
    pending ??= renew().finally(() => {
      pending = undefined;
    });
    return pending;
  };
}

/** Much shorter than the lifetime of an access token. */
const sharedMs = 5_000;
