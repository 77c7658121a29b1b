import { setTimeout as wait } from "node:timers/promises";
import { create, type Message } from "@bufbuild/protobuf";
import { type Any, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { ConnectError, type HandlerContext } from "@connectrpc/connect";
import { implement, type ServiceEntry } from "@parley/rpc/server";
import type {
  BidiRequest,
  Contract,
  ErrorMessage,
  HeaderMessage,
  Payload,
  RequestInfo,
  StreamDefinition,
  StreamRequest,
  UnaryDefinition,
  UnaryRequest,
} from "./contract.ts";

/** The service that the runner's clients call: each request contains its instructions. See the contract's own comments. */
export function conformanceService(contract: Contract): ServiceEntry {
  return implement(contract.service, {
    unary: (request: UnaryRequest, context: HandlerContext) =>
      single(request.responseDefinition, { contract, context, requests: [pack(contract, request)] }),
    idempotentUnary: (request: UnaryRequest, context: HandlerContext) =>
      single(request.responseDefinition, { contract, context, requests: [pack(contract, request)] }),
    async clientStream(messages: AsyncIterable<UnaryRequest>, context: HandlerContext) {
      let definition: UnaryDefinition | undefined;
      const requests: Any[] = [];
      const timeoutMs = context.timeoutMs();
      for await (const message of messages) {
        definition ??= requests.length === 0 ? message.responseDefinition : undefined;
        requests.push(pack(contract, message));
      }
      return single(definition, { contract, context, requests, timeoutMs });
    },
    async *serverStream(request: StreamRequest, context: HandlerContext) {
      const { responseDefinition: definition } = request;
      if (definition !== undefined) {
        setMetadata(definition, context);
        const info = requestInfo(context, [pack(contract, request)]);
        yield* answers(definition, { contract, info, sent: 0 });
      }
    },
    bidiStream: (messages: AsyncIterable<BidiRequest>, context: HandlerContext) =>
      bidi(messages, { contract, context }),
  } as never);
}

interface Call {
  readonly contract: Contract;
  readonly context: HandlerContext;
}

async function single(
  definition: UnaryDefinition | undefined,
  {
    contract,
    context,
    requests,
    timeoutMs,
  }: Call & { readonly requests: Any[]; readonly timeoutMs?: number | undefined },
): Promise<{ payload: Payload }> {
  const info = requestInfo(context, requests, timeoutMs);
  if (definition === undefined) {
    return { payload: { requestInfo: info } };
  }
  setMetadata(definition, context);
  await wait(definition.responseDelayMs);
  switch (definition.response.case) {
    case "error":
      throw toError(contract, definition.response.value, info);
    case "responseData":
      return { payload: { data: definition.response.value, requestInfo: info } };
    default:
      return { payload: { requestInfo: info } };
  }
}

async function* bidi(messages: AsyncIterable<BidiRequest>, { contract, context }: Call) {
  const timeoutMs = context.timeoutMs();
  let definition: StreamDefinition | undefined;
  let fullDuplex = false;
  let first = true;
  let sent = 0;
  let requests: Any[] = [];
  for await (const message of messages) {
    requests.push(pack(contract, message));
    if (first) {
      first = false;
      definition = message.responseDefinition;
      fullDuplex = message.fullDuplex;
      if (definition !== undefined) {
        setMetadata(definition, context);
      }
    }
    if (fullDuplex) {
      const data = definition?.responseData[sent];
      if (data === undefined) {
        break;
      }
      await wait(definition?.responseDelayMs);
      const info = sent === 0 ? requestInfo(context, requests, timeoutMs) : { requestHeaders: [], requests };
      yield { payload: { data, requestInfo: info } };
      requests = [];
      sent++;
    }
  }
  if (definition !== undefined) {
    yield* answers(definition, { contract, info: requestInfo(context, requests, timeoutMs), sent });
  }
}

interface Answering {
  readonly contract: Contract;
  /** The request's properties, which the first response contains. */
  readonly info: RequestInfo;
  /** The number of responses sent so far. */
  readonly sent: number;
}

async function* answers(
  { responseData, responseDelayMs, error }: StreamDefinition,
  { contract, info, sent }: Answering,
) {
  let count = sent;
  for (const data of responseData.slice(sent)) {
    await wait(responseDelayMs);
    yield { payload: count === 0 ? { data, requestInfo: info } : { data } };
    count++;
  }
  if (error !== undefined) {
    throw toError(contract, error, count === 0 ? info : undefined);
  }
}

/** `timeoutMs` is the remaining time when the call began: a slow first message would reduce it. */
function requestInfo(context: HandlerContext, requests: Any[], timeoutMs = context.timeoutMs()): RequestInfo {
  return {
    requestHeaders: toMessages(context.requestHeader),
    requests,
    ...(timeoutMs === undefined ? {} : { timeoutMs: BigInt(Math.trunc(timeoutMs)) }),
    ...(context.requestMethod === "GET" ? { connectGetInfo: { queryParams: toMessages(queryOf(context)) } } : {}),
  };
}

function queryOf({ url }: HandlerContext): URLSearchParams {
  return new URL(url).searchParams;
}

function toMessages(pairs: Iterable<[string, string]>): HeaderMessage[] {
  return Array.from(pairs, ([name, value]) => ({ name, value: [value] }));
}

function setMetadata(
  definition: Pick<UnaryDefinition, "responseHeaders" | "responseTrailers">,
  context: HandlerContext,
) {
  append(context.responseHeader, definition.responseHeaders);
  append(context.responseTrailer, definition.responseTrailers);
}

function append(target: Headers, messages: readonly HeaderMessage[]): void {
  for (const { name, value } of messages) {
    for (const each of value) {
      target.append(name, each);
    }
  }
}

function toError(contract: Contract, { code, message = "", details }: ErrorMessage, info: RequestInfo | undefined) {
  const error = new ConnectError(message, code);
  for (const detail of details) {
    const value = anyUnpack(detail, contract.registry);
    const desc = value === undefined ? undefined : contract.registry.getMessage(value.$typeName);
    if (desc === undefined || value === undefined) {
      throw new Error(`the contract does not know the detail ${detail.typeUrl}`);
    }
    error.details.push({ desc, value: value as never });
  }
  if (info !== undefined) {
    error.details.push({ desc: contract.message("ConformancePayload.RequestInfo"), value: info as never });
  }
  return error;
}

function pack({ registry }: Contract, message: Message): Any {
  const desc = registry.getMessage(message.$typeName);
  if (desc === undefined) {
    throw new Error(`the contract does not know ${message.$typeName}`);
  }
  return anyPack(desc, create(desc, message as never));
}
