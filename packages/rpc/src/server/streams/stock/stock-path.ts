import type { Socket } from "node:net";
import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectRouter, ContextValues, HandlerContext } from "@connectrpc/connect";
import { Code, ConnectError, createContextKey, createContextValues } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import type { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import { compressionGzip } from "@connectrpc/connect-node";
import { decodeBudget } from "@parley/contract";
import type { FastifyRequest } from "fastify";
import { traceIdHeader } from "../../../call/request-id.ts";
import { inTurn } from "../../../environment/event-loop-turn.ts";
import { parseConnectTimeoutMs } from "../../../protocol/timeouts.ts";
import type { ServerLimits } from "../../config/server-limits.ts";
import { peerOf } from "../../http/peer.ts";
import type { CallPipeline } from "../../pipeline/call-pipeline.ts";
import type { IncomingCall } from "../../pipeline/incoming-call.ts";
import type { ServerCall } from "../../pipeline/server-call.ts";
import { type ServedMethod, throughPipeline } from "../../pipeline/service-methods.ts";
import { type JsonOptions, methodCodecs } from "../../wire/message-codec.ts";
import { boundedRequest, checkQuery, type RequestBounds } from "./bounded-request.ts";
import { withCappedTimeout } from "./capped-timeout.ts";
import { guardBody } from "./request-body.ts";
import { fromWebText, isWebText, toWebText } from "./web-text.ts";
import { withWritableHeaders } from "./writable-headers.ts";

/**
 * The stock path: Connect's own handlers read requests and write responses, and each call runs through the pipeline. A call is
 * opened in Connect's request gate, before its body is read, and closed when Connect aborts its context. Connect does that last
 * for every call, with the error if there is one.
 */
export function stockPath(
  pipeline: CallPipeline,
  { methods, limits, json }: StockPathOptions,
): Parameters<typeof fastifyConnectPlugin>[1] {
  const budget = decodeBudget(limits.requestElementsMax);
  const bounds = (method: DescMethod): RequestBounds => ({
    requestBytesMax: limits.requestBytesMax,
    ...methodCodecs(method, { json, budget }),
  });
  return {
    routes: (router) => addRoutes(router, { pipeline, methods, limits, bounds }),
    contextValues: (request) =>
      createContextValues().set(placeKey, {
        socket: socketOf(request.raw),
        gone: isGone(request.raw),
        call: undefined,
      }),
    requestGate: async (context) => {
      const served = methods.get(`/${context.service.typeName}/${context.method.name}`);
      if (served !== undefined) {
        // The body is not read before the caller is authenticated and authorized.
        const call = openCall(context, { pipeline, served });
        if (call.identified !== undefined) {
          await call.identified;
          await new Promise<void>((resolve) => inTurn(resolve, call.turnOwner));
        }
        if (context.requestMethod === "GET" && readableTimeout(context)) {
          await checkQuery(context.url, bounds(context.method));
        }
      }
    },
    // Compressed requests are accepted. Responses are not compressed, since CPU time costs more than bandwidth inside a platform.
    acceptCompression: [compressionGzip],
    compressMinBytes: limits.responseBytesMax,
    readMaxBytes: limits.requestBytesMax,
    writeMaxBytes: limits.responseBytesMax,
  };
}

/** Whether the timeout header is valid. Connect reports an invalid one after the gate, before errors about the message. */
function readableTimeout({ requestHeader }: HandlerContext): boolean {
  const value = requestHeader.get("connect-timeout-ms");
  return value === null || parseConnectTimeoutMs(value) !== undefined;
}

/** Options of {@link stockPath}. */
export interface StockPathOptions {
  readonly methods: ReadonlyMap<string, ServedMethod>;
  readonly limits: ServerLimits;
  readonly json: JsonOptions;
}

/** The connection's socket. Over HTTP/2, Node's `request.socket` is only a proxy of it. */
function socketOf(raw: FastifyRequest["raw"]): Socket {
  const { stream } = raw as { readonly stream?: { readonly socket: Socket } };
  return stream?.socket ?? raw.socket;
}

function isGone(raw: FastifyRequest["raw"]): boolean {
  const { stream } = raw as { readonly stream?: { readonly destroyed: boolean } };
  return stream?.destroyed === true || socketOf(raw).destroyed;
}

/** A call's state in Connect's context values. */
interface Place {
  readonly socket: Socket | undefined;
  /** Whether the caller disconnected before Connect listened for it, so that no event follows. */
  readonly gone: boolean;
  call: ServerCall | undefined;
}

const placeKey = createContextKey<Place>(
  { socket: undefined, gone: false, call: undefined },
  { description: "the call on its way in" },
);

interface Routes {
  readonly pipeline: CallPipeline;
  readonly methods: ReadonlyMap<string, ServedMethod>;
  readonly limits: ServerLimits;
  bounds(method: DescMethod): RequestBounds;
}

function addRoutes(router: ConnectRouter, { pipeline, methods, limits, bounds }: Routes): void {
  for (const served of methods.values()) {
    router.rpc(served.runtime.method, throughPipeline(pipeline, { served, callOf: callOfContext }));
  }
  for (const [index, handler] of router.handlers.entries()) {
    router.handlers[index] = withGuardedBody(handler, { limits, bounds: bounds(handler.method) });
  }
}

interface Guard {
  readonly limits: ServerLimits;
  readonly bounds: RequestBounds;
}

/** Bounds the reading of a body by the call's deadline and a limit on pauses. Connect itself has no limit. */
function withGuardedBody(handler: UniversalHandler, { limits, bounds }: Guard): UniversalHandler {
  const guarded = (received: Parameters<UniversalHandler>[0]) => {
    const request = withCappedTimeout(received);
    const place = request.contextValues?.get(placeKey);
    const { body } = request;
    if (place === undefined || !isByteStream(body)) {
      return handler(request);
    }
    const guardedBody = guardBody(body, { callOf: () => place.call, limits });
    const answer = async () => {
      if (!isWebText(request)) {
        return handler(boundedRequest(request, guardedBody, bounds));
      }
      const binary = fromWebText(request, guardedBody);
      return toWebText(await handler(boundedRequest(binary, binary.body as AsyncIterable<Uint8Array>, bounds)));
    };
    return answer().then((response) =>
      withWritableHeaders(response, (name) => {
        place.call?.runtime.log.error({ header: name }, "invalid response header dropped");
      }),
    );
  };
  return Object.assign(guarded, {
    protocolNames: handler.protocolNames,
    service: handler.service,
    method: handler.method,
    requestPath: handler.requestPath,
    allowedMethods: handler.allowedMethods,
    supportedContentType: handler.supportedContentType,
  });
}

function isByteStream(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

function openCall(
  context: HandlerContext,
  { pipeline, served }: { readonly pipeline: CallPipeline; readonly served: ServedMethod },
): ServerCall {
  const place = context.values.get(placeKey);
  const call = pipeline.call(served.runtime, new StockIncomingCall(context, place.socket));
  place.call = call;
  if (!served.runtime.quiet && context.requestHeader.get("traceparent") === null) {
    context.responseHeader.set(traceIdHeader, call.trace.traceId);
  }
  const { signal } = context;
  const end = () => endCall(call, { pipeline, reason: signal.reason });
  if (place.gone) {
    try {
      pipeline.open(call);
    } catch {
      // There is no receiver for the error.
    }
    const error = new ConnectError("The caller cancelled the call or closed its connection.", Code.Canceled);
    call.abort(error);
    pipeline.close(call, error);
    throw error;
  }
  if (signal.aborted) {
    // The deadline passed before the call was opened, so the signal is already aborted and no event follows.
    try {
      pipeline.open(call);
    } finally {
      end();
    }
  } else {
    signal.addEventListener("abort", end, { once: true });
    pipeline.open(call);
  }
  return call;
}

/** Closes a call when its context has ended: normally, with an error, at its deadline, or because the caller cancelled. */
function endCall(
  call: ServerCall,
  { pipeline, reason }: { readonly pipeline: CallPipeline; readonly reason: unknown },
): void {
  if (isEnd(reason)) {
    // If the response cannot be written, for example for its size, the context ends before Connect has set the error's status.
    setImmediate(() => pipeline.close(call, errorInTrailer(call.responseTrailer)));
    return;
  }
  const error = ConnectError.from(reason);
  // Connect writes this object afterwards, so the caller gets the details that are added here.
  pipeline.explain(call, error);
  call.abort(error);
  pipeline.close(call, error);
}

function errorInTrailer(trailer: Headers): ConnectError | undefined {
  const status = Number(trailer.get("grpc-status") ?? 0);
  return status === 0 ? undefined : new ConnectError(trailer.get("grpc-message") ?? "", status);
}

/** Connect aborts without a reason after success. The signal's reason is then an AbortError. */
function isEnd(reason: unknown): boolean {
  return reason === undefined || (reason instanceof DOMException && reason.name === "AbortError");
}

function callOfContext(context: { readonly values: ContextValues }): ServerCall {
  const { call } = context.values.get(placeKey);
  if (call === undefined) {
    throw new Error("a call reached its implementation without having been opened");
  }
  return call;
}

class StockIncomingCall implements IncomingCall {
  readonly protocolName: IncomingCall["protocolName"];
  readonly requestMethod: string;
  readonly url: string;
  readonly peer: string;
  readonly connection: object | undefined;
  readonly timeoutMs: number | undefined;
  readonly #context: HandlerContext;

  constructor(context: HandlerContext, socket: Socket | undefined) {
    this.#context = context;
    this.protocolName = context.protocolName as IncomingCall["protocolName"];
    this.requestMethod = context.requestMethod;
    this.url = context.url;
    this.connection = socket;
    this.peer = socket === undefined ? "unknown" : peerOf(socket);
    this.timeoutMs = context.timeoutMs();
  }

  header(name: string): string | undefined {
    return this.#context.requestHeader.get(name) ?? undefined;
  }

  get requestHeader(): Headers {
    return this.#context.requestHeader;
  }

  get responseHeader(): Headers {
    return this.#context.responseHeader;
  }

  get responseTrailer(): Headers {
    return this.#context.responseTrailer;
  }
}
