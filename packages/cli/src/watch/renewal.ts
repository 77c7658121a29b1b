import { type ConnectError, createClient } from "@connectrpc/connect";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { reasonOf } from "@parley/rpc";
import type { Connection } from "../connection/connection.ts";

/**
 * Renews an expired access token: signs the connection's calls with the next one. Each refresh token gives one, so
 * streams that end together share it. Other failures are not renewed.
 */
export function renewal(
  { headers, transport, timeoutMs }: Connection,
  firstRefreshToken: string | undefined,
): (failure: ConnectError) => Promise<boolean> {
  const users = createClient(UserService, transport(UserService.typeName));
  let refreshToken = firstRefreshToken;
  let under: Promise<boolean> | undefined;
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
    under ??= renew().finally(() => {
      under = undefined;
    });
    return under;
  };
}

/** Far less than an access token lasts. */
const sharedMs = 5_000;
