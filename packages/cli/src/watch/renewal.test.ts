import { Code, type ConnectError, createRouterTransport } from "@connectrpc/connect";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { reasonError } from "@parley/rpc";
import { expect, it } from "vitest";
import { renewal } from "./renewal.ts";

const failed = (reason: string): ConnectError => reasonError(Code.Unauthenticated, { reason, message: reason });

/** A connection to a user service that accepts each refresh token once. */
function connected(known: readonly string[]) {
  const spent: string[] = [];
  const transport = createRouterTransport(({ service }) => {
    service(UserService, {
      refreshLogin({ refreshToken }) {
        spent.push(refreshToken);
        if (!known.includes(refreshToken)) {
          throw failed("REFRESH_TOKEN_ENDED");
        }
        return { accessToken: `access-${spent.length}`, refreshToken: "second" };
      },
    });
  });
  const headers = new Headers({ authorization: "Bearer first" });
  return { spent, headers, connection: { headers, transport: () => transport, timeoutMs: undefined, close() {} } };
}

it("signs later calls with a new token, and refreshes once for streams that end together", async () => {
  const { spent, headers, connection } = connected(["first"]);
  const recover = renewal(connection, "first");
  const together = await Promise.all([recover(failed("TOKEN_ENDED")), recover(failed("TOKEN_ENDED"))]);
  const soonAfter = await recover(failed("TOKEN_ENDED"));
  expect([...together, soonAfter]).toEqual([true, true, true]);
  expect(spent).toEqual(["first"]);
  expect(headers.get("authorization")).toBe("Bearer access-1");
});

it("renews nothing without a refresh token, with a used one, or if the token did not expire", async () => {
  const { spent, connection } = connected([]);
  expect(await renewal(connection, undefined)(failed("TOKEN_ENDED"))).toBe(false);
  expect(await renewal(connection, "first")(failed("TOKEN_REFUSED"))).toBe(false);
  expect(spent).toEqual([]);
  const recover = renewal(connection, "used up");
  expect(await recover(failed("TOKEN_ENDED"))).toBe(false);
  expect(await recover(failed("TOKEN_ENDED"))).toBe(false);
  expect(spent).toEqual(["used up"]);
});
