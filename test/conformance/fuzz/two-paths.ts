import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { reasonError, systemEnvironment } from "@parley/rpc";
import { implement, type RunningServer, serve } from "@parley/rpc/server";
import { StreamService } from "../../bench/streams/contract.ts";

/** The same service twice: with the fast path, and without it. */
export interface TwoPaths {
  readonly fast: RunningServer;
  readonly stock: RunningServer;
  /** Each server's own count of calls in flight. */
  callsInFlight(): Promise<readonly number[]>;
  close(): Promise<void>;
}

/** The message size limit of these servers: small, so that exceeding it is cheap. */
const requestBytesMax = 4_200;

export async function serveTwoPaths(): Promise<TwoPaths> {
  const environments = [0, 1].map(() => systemEnvironment({ name: "fuzz", logLevel: "silent", logFormat: "json" }));
  const start = (index: number, rpcPath: "own" | "stock") => {
    const environment = environments[index];
    if (environment === undefined) {
      throw new RangeError(`there is no environment ${index}`);
    }
    const config = { limits: { requestBytesMax }, rpcPath, shutdownGraceMs: 1_000 };
    return serve(
      { entries: [implement(EchoService, { echo }), implement(StreamService, { repeat, chat } as never)] },
      { name: "fuzz", environment, config },
    );
  };
  const stock = await start(0, "stock");
  const fast = await start(1, "own");
  return {
    fast,
    stock,
    async callsInFlight() {
      const metrics = environments.map((environment) =>
        environment.metrics.getSingleMetric("parley_server_calls_in_flight")?.get(),
      );
      return (await Promise.all(metrics)).map((metric) => metric?.values[0]?.value ?? Number.NaN);
    },
    async close() {
      await Promise.all([fast.close(), stock.close()]);
    },
  };
}

/** Sends the response of Echo twice. */
async function* repeat(request: { readonly message: string }, context: HandlerContext) {
  const answer = await echo(request, context);
  yield answer;
  yield answer;
}

/** Responds to each message like Echo. */
async function* chat(requests: AsyncIterable<{ readonly message: string }>, context: HandlerContext) {
  for await (const request of requests) {
    yield await echo(request, context);
  }
}

/** Follows the instruction in the message. */
async function echo({ message }: { readonly message: string }, context: HandlerContext) {
  if (message.startsWith("error:")) {
    throw new ConnectError(`as told: ☃ 100%, ${message}`, Number(message.slice(6)), {
      "x-error-metadata": "of the error",
    });
  }
  switch (message) {
    case "details":
      throw reasonError(Code.FailedPrecondition, { reason: "AS_TOLD", message: "with details", metadata: { a: "b" } });
    case "metadata":
      context.responseHeader.append("x-header", "one");
      context.responseHeader.append("x-header", "two");
      context.responseHeader.set("x-header-bin", "AAEC");
      context.responseTrailer.set("x-trailer", String(context.requestHeader.get("x-blob-bin")));
      return { message: context.requestMethod + context.protocolName };
    case "crash":
      throw new TypeError("a secret that must not leave the server");
    default:
      return { message };
  }
}
