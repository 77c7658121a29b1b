import { setTimeout as wait } from "node:timers/promises";
import { ConnectError, type HandlerContext } from "@connectrpc/connect";
import { implement, type ServiceEntry } from "@parley/rpc/server";
import type {
  EchoStatus,
  InputRequest,
  InteropContract,
  OutputRequest,
  OutputResponse,
  SimpleRequest,
} from "./contract.ts";

/** Metadata that the server echoes, as headers and as trailers (gRPC interop test descriptions, "custom_metadata"). */
export const echoInitialName = "x-grpc-test-echo-initial";
export const echoTrailingName = "x-grpc-test-echo-trailing-bin";

/** gRPC's TestService on the runtime of packages/rpc (gRPC interop test descriptions, "Server"). */
export function testService({ testService: service }: InteropContract): ServiceEntry {
  return implement(service, {
    emptyCall: () => ({}),
    unaryCall({ responseSize, responseStatus }: SimpleRequest, context: HandlerContext) {
      echoMetadata(context);
      throwStatus(responseStatus);
      return { payload: { body: new Uint8Array(responseSize) } };
    },
    async *streamingOutputCall(request: OutputRequest, context: HandlerContext) {
      echoMetadata(context);
      throwStatus(request.responseStatus);
      yield* responses(request, context.signal);
    },
    async streamingInputCall(requests: AsyncIterable<InputRequest>) {
      let aggregatedPayloadSize = 0;
      for await (const { payload } of requests) {
        aggregatedPayloadSize += payload?.body.length ?? 0;
      }
      return { aggregatedPayloadSize };
    },
    async *fullDuplexCall(requests: AsyncIterable<OutputRequest>, context: HandlerContext) {
      echoMetadata(context);
      for await (const request of requests) {
        throwStatus(request.responseStatus);
        yield* responses(request, context.signal);
      }
    },
  } as never);
}

async function* responses(
  { responseParameters }: OutputRequest,
  signal: AbortSignal,
): AsyncGenerator<OutputResponse, void> {
  for (const { size, intervalUs } of responseParameters) {
    if (intervalUs > 0) {
      await wait(intervalUs / 1_000, undefined, { signal });
    }
    yield { payload: { body: new Uint8Array(size) } };
  }
}

function echoMetadata({ requestHeader, responseHeader, responseTrailer }: HandlerContext): void {
  const initial = requestHeader.get(echoInitialName);
  if (initial !== null) {
    responseHeader.set(echoInitialName, initial);
  }
  const trailing = requestHeader.get(echoTrailingName);
  if (trailing !== null) {
    responseTrailer.set(echoTrailingName, trailing);
  }
}

function throwStatus(status: EchoStatus | undefined): void {
  if (status !== undefined && status.code !== 0) {
    throw new ConnectError(status.message, status.code);
  }
}
