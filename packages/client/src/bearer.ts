import { Code, ConnectError, type Interceptor, type StreamRequest } from "@connectrpc/connect";
import { ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";

/**
 * A bearer token, or a function that returns one. It is called before each call, so that it can renew a token that is about to expire, and again if
 * a token has expired while a stream was open.
 */
export type TokenSource = string | (() => string | undefined | Promise<string | undefined>);

/**
 * Sends the token in the `authorization` header. If the token of a Watch call expires, resumes the stream with the next one, after the last
 * received position.
 */
export function bearer(source: TokenSource): Interceptor {
  return (next) => async (request) => {
    const token = await sign(request.header, source);
    if (!request.stream || !canResume(request)) {
      return next(request);
    }
    const watch: Watch = { request, firstRequest: await onlyMessage(request), open: next, source };
    const response = await next({ ...request, message: once(watch.firstRequest) });
    return response.stream ? { ...response, message: resuming(watch, token, response.message) } : response;
  };
}

interface Watch {
  readonly request: StreamRequest;
  readonly firstRequest: object;
  readonly open: Parameters<Interceptor>[0];
  readonly source: TokenSource;
}

/** The common field of the responses of Parley's Watch methods. `afterPosition` of a request resumes after it. */
interface WatchResponse {
  readonly position?: string;
}

async function* resuming(
  { request, firstRequest, open, source }: Watch,
  firstToken: string | undefined,
  firstMessages: AsyncIterable<unknown>,
): AsyncGenerator<never> {
  let token = firstToken;
  let messages = firstMessages;
  let nextRequest = firstRequest;
  for (;;) {
    try {
      for await (const message of messages) {
        const { position } = message as WatchResponse;
        nextRequest = position ? { ...firstRequest, afterPosition: position } : nextRequest;
        yield message as never;
      }
      return;
    } catch (error) {
      const before = token;
      token = isTokenExpired(error) ? await sign(request.header, source) : before;
      // With the same token the new stream would end at once.
      if (token === before || token === undefined) {
        throw error;
      }
    }
    messages = (await open({ ...request, message: once(nextRequest) })).message as AsyncIterable<unknown>;
  }
}

async function sign(header: Headers, source: TokenSource): Promise<string | undefined> {
  const token = typeof source === "string" ? source : await source();
  if (token !== undefined) {
    header.set("authorization", `Bearer ${token}`);
  }
  return token;
}

function canResume({ method }: StreamRequest): boolean {
  return method.methodKind === "server_streaming" && "afterPosition" in method.input.field;
}

function isTokenExpired(error: unknown): boolean {
  const failure = ConnectError.from(error);
  const reasons = failure.findDetails(ErrorInfoSchema).map(({ reason }) => reason);
  return failure.code === Code.Unauthenticated && reasons.includes("TOKEN_ENDED");
}

async function onlyMessage({ message }: StreamRequest): Promise<object> {
  for await (const only of message) {
    return only;
  }
  return {};
}

async function* once(message: object): AsyncGenerator<never> {
  yield message as never;
}
