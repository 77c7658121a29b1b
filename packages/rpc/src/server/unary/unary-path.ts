import type { Interceptor } from "@connectrpc/connect";
import { decodeBudget } from "@parley/contract";
import type { Clock } from "../../environment/clock.ts";
import { type ContentType, parseContentType } from "../../protocol/content-types.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import type { CallPipeline } from "../pipeline/call-pipeline.ts";
import type { ServedMethod } from "../pipeline/service-methods.ts";
import { query } from "../wire/connect-dialect.ts";
import { dialects } from "../wire/dialects.ts";
import type { Exchange } from "../wire/exchange/exchange.ts";
import { Http1Exchange } from "../wire/exchange/http1-server-exchange.ts";
import { Http2Exchange } from "../wire/exchange/http2-server-exchange.ts";
import { createStallWatch } from "../wire/exchange/stall-watch.ts";
import type { CodecOptions, JsonOptions } from "../wire/message-codec.ts";
import { oneValue, type RpcPath } from "../wire/rpc-path.ts";
import { throughInterceptors } from "./interceptors.ts";
import { type UnaryImplementation, type UnaryMethod, unaryMethod } from "./served-unary-method.ts";
import { UnaryCall } from "./unary-call.ts";

/** Settings of the unary path, with their defaults. */
export interface UnaryPathOptions {
  readonly methods: ReadonlyMap<string, ServedMethod>;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  /** Outermost first. None by default. */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /** Responses of at least this many bytes are compressed if the caller accepts it. By default none are. */
  readonly compressBytesMin?: number | undefined;
  /** Whether Connect requests must have the protocol's version. False by default. */
  readonly requireConnectVersion?: boolean | undefined;
  /** Whether cross-origin calls (with an `origin` header) are left to the next path. False by default. */
  readonly leaveCrossOrigin?: boolean | undefined;
  readonly json?: JsonOptions | undefined;
}

/**
 * Serves unary calls without Connect's handlers: a known method, called with POST (or GET, if it has no side effects) and a
 * supported content type. All other requests are left to the next path, so that one place answers them.
 */
export function createUnaryPath(pipeline: CallPipeline, options: UnaryPathOptions): RpcPath {
  const { limits, interceptors = [], json = {}, requireConnectVersion = false, leaveCrossOrigin = false } = options;
  const settings = {
    requestBytesMax: limits.requestBytesMax,
    responseBytesMax: limits.responseBytesMax,
    bodyIdleTimeoutMs: limits.bodyIdleTimeoutMs,
    compressBytesMin: options.compressBytesMin ?? Number.POSITIVE_INFINITY,
    requireConnectVersion,
    json,
  };
  const budget = decodeBudget(limits.requestElementsMax);
  const methods = unaryMethods(options.methods, { interceptors, json, budget });
  const slowBodies = watchSlowBodies();
  const stalls = createStallWatch(options.clock, limits.stallTimeoutMs);

  function take({ method, type }: Match, exchange: Exchange): true {
    const dialect = dialects[type.protocol];
    const call = new UnaryCall({ pipeline, method, dialect, type, settings, exchange });
    if (call.reading) {
      slowBodies(call);
    }
    return true;
  }

  return {
    http2(stream, { headers, socket }) {
      if (headers.expect !== undefined || (leaveCrossOrigin && headers.origin !== undefined)) {
        return false;
      }
      const found = match(methods, oneValue(headers[":method"]), oneValue(headers[":path"]), headers["content-type"]);
      return found !== undefined && take(found, new Http2Exchange(stream, { headers, stalls, socket }));
    },
    http1(request, response) {
      if (leaveCrossOrigin && request.headers.origin !== undefined) {
        return false;
      }
      const found = match(methods, request.method, request.url, request.headers["content-type"]);
      return found !== undefined && found.type.protocol !== "grpc" && take(found, new Http1Exchange(request, response));
    },
  };
}

interface Match {
  readonly method: UnaryMethod;
  readonly type: ContentType;
}

const getTypes: ReadonlyMap<string | null, ContentType> = new Map(
  (["proto", "json"] as const).map((codec) => [codec, { protocol: "connect", codec, text: false, enveloped: false }]),
);

function match(
  methods: ReadonlyMap<string, UnaryMethod>,
  ...[httpMethod, target = "", contentType = ""]: readonly (string | undefined)[]
): Match | undefined {
  if (httpMethod === "POST") {
    const method = methods.get(target);
    const type = method === undefined ? undefined : parseContentType(contentType);
    // `application/connect+…` is for streams.
    return method === undefined || type === undefined || (type.enveloped && type.protocol === "connect")
      ? undefined
      : { method, type };
  }
  if (httpMethod === "GET") {
    const method = methods.get(target.slice(0, Math.max(0, target.indexOf("?"))));
    const type = method?.sideEffectFree ? getTypes.get(query(target).get("encoding")) : undefined;
    // A GET with a content-type is not a Connect call.
    return method === undefined || type === undefined || contentType !== "" ? undefined : { method, type };
  }
  return undefined;
}

function unaryMethods(
  served: ReadonlyMap<string, ServedMethod>,
  { interceptors, ...codecs }: { readonly interceptors: readonly Interceptor[] } & CodecOptions,
): ReadonlyMap<string, UnaryMethod> {
  const methods = new Map<string, UnaryMethod>();
  for (const [path, { runtime, implementation }] of served) {
    const given = implementation as UnaryImplementation;
    const method = unaryMethod(runtime, {
      implementation: interceptors.length === 0 ? given : throughInterceptors(runtime.method, { given, interceptors }),
      ...codecs,
    });
    if (method !== undefined) {
      methods.set(path, method);
    }
  }
  return methods;
}

/**
 * Most bodies arrive with their headers, and need no timers. So this checks once, after the current turn of the event loop,
 * and starts the timers of calls whose body is still incomplete.
 */
function watchSlowBodies(): (call: UnaryCall) => void {
  let fresh: UnaryCall[] = [];
  function look() {
    const calls = fresh;
    fresh = [];
    for (const call of calls) {
      if (call.reading) {
        call.waitForBody();
      }
    }
  }
  return (call) => {
    if (fresh.push(call) === 1) {
      setImmediate(look);
    }
  };
}
