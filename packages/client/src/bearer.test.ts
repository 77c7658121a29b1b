import { Code, ConnectError, createClient, createRouterTransport, type HandlerContext } from "@connectrpc/connect";
import { ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { expect, it } from "vitest";
import { bearer, type TokenSource } from "./bearer.ts";

const ended = (reason = "TOKEN_ENDED") =>
  new ConnectError("ended", Code.Unauthenticated, undefined, [{ desc: ErrorInfoSchema, value: { reason } }]);

/** Watches a service whose successive streams behave as `streams` says. */
function watching(source: TokenSource, ...streams: (readonly (string | ConnectError)[])[]) {
  const opened: string[] = [];
  const service = {
    async *watchOrders({ afterPosition, userId }: { afterPosition: string; userId: string }, context: HandlerContext) {
      opened.push(`${context.requestHeader.get("authorization")} ${userId} after "${afterPosition}"`);
      for (const step of streams[opened.length - 1] ?? []) {
        if (step instanceof ConnectError) {
          throw step;
        }
        yield { position: step };
      }
    },
  };
  const transport = createRouterTransport((router) => router.service(OrderService, service), {
    transport: { interceptors: [bearer(source)] },
  });
  const orders = createClient(OrderService, transport);
  const seen: string[] = [];
  const all = (async () => {
    for await (const { position } of orders.watchOrders({ userId: "1" })) {
      seen.push(position);
    }
  })();
  return { opened, seen, all };
}

/** A token source that returns the next token on each call. */
function tokens(...each: string[]): () => string | undefined {
  return () => each.shift();
}

it("resumes with a new token after the last position when the token of an open stream expires", async () => {
  const watch = watching(tokens("a", "b", "c"), ["1", "2", ended()], [ended()], ["3"]);
  await watch.all;
  expect(watch.seen).toEqual(["1", "2", "3"]);
  expect(watch.opened).toEqual(['Bearer a 1 after ""', 'Bearer b 1 after "2"', 'Bearer c 1 after "2"']);
});

it.each([
  ["a token that is a string", "a", ended()],
  ["a source that returns the same token", () => "a", ended()],
  ["a source that returns no token", tokens("a"), ended()],
  ["a token that was refused", tokens("a", "b"), ended("TOKEN_REFUSED")],
  ["another failure", tokens("a", "b"), new ConnectError("down", Code.Unavailable)],
])("passes on the failure with %s", async (_what, source, failure) => {
  const watch = watching(source, ["1", failure], ["2"]);
  await expect(watch.all).rejects.toMatchObject({ code: failure.code });
  expect(watch.opened).toHaveLength(1);
  expect(watch.seen).toEqual(["1"]);
});
