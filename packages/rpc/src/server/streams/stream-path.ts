import type { Interceptor } from "@connectrpc/connect";
import { decodeBudget } from "@parley/contract";
import type { Clock } from "../../environment/clock.ts";
import { type ContentType, parseContentType } from "../../protocol/content-types.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import type { CallPipeline } from "../pipeline/call-pipeline.ts";
import type { ServedMethod } from "../pipeline/service-methods.ts";
import type { Exchange } from "../wire/exchange/exchange.ts";
import { Http1Exchange } from "../wire/exchange/http1-server-exchange.ts";
import { Http2Exchange } from "../wire/exchange/http2-server-exchange.ts";
import { createStallWatch } from "../wire/exchange/stall-watch.ts";
import type { JsonOptions } from "../wire/message-codec.ts";
import { oneValue, type RpcPath } from "../wire/rpc-path.ts";
import { connectStreams } from "./connect-streams.ts";
import { grpcStreams, grpcWebStreams } from "./grpc-streams.ts";
import { StreamCall } from "./stream-call.ts";
import type { StreamDialect } from "./stream-dialect.ts";
import { type StreamMethod, streamMethods } from "./stream-method.ts";

/** Settings of the streaming path, with their defaults. */
export interface StreamPathOptions {
  readonly methods: ReadonlyMap<string, ServedMethod>;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  /** Outermost first. None by default. */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /** Messages of at least this many bytes are compressed if the caller accepts it. By default none are. */
  readonly compressBytesMin?: number | undefined;
  /** Whether cross-origin calls (with an `origin` header) are left to the stock path. False by default. */
  readonly leaveCrossOrigin?: boolean | undefined;
  readonly json?: JsonOptions | undefined;
}

/**
 * Serves streaming calls without Connect's handlers: server, client and bidirectional streams, with gRPC, gRPC-Web (binary and text) and
 * Connect, over HTTP/2 and, if the protocol allows it, HTTP/1.1.
 */
export function createStreamPath(pipeline: CallPipeline, options: StreamPathOptions): RpcPath {
  const { limits, interceptors = [], json = {}, leaveCrossOrigin = false } = options;
  const settings = {
    requestBytesMax: limits.requestBytesMax,
    responseBytesMax: limits.responseBytesMax,
    bodyIdleTimeoutMs: limits.bodyIdleTimeoutMs,
    compressBytesMin: options.compressBytesMin ?? Number.POSITIVE_INFINITY,
    requireConnectVersion: false,
    json,
  };
  const budget = decodeBudget(limits.requestElementsMax);
  const methods = streamMethods(options.methods, { interceptors, json, budget });
  const stalls = createStallWatch(options.clock, limits.stallTimeoutMs);

  function take({ method, type }: Match, exchange: Exchange): true {
    new StreamCall({ pipeline, method, dialect: dialects[type.protocol], type, settings, exchange });
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
      return (
        found !== undefined &&
        found.type.protocol !== "grpc" &&
        // HTTP/1.1 is half-duplex: clients read the response after they have sent the request.
        found.method.desc.methodKind !== "bidi_streaming" &&
        take(found, new Http1Exchange(request, response))
      );
    },
  };
}

interface Match {
  readonly method: StreamMethod;
  readonly type: ContentType;
}

const dialects: Readonly<Record<ContentType["protocol"], StreamDialect>> = {
  grpc: grpcStreams,
  "grpc-web": grpcWebStreams,
  connect: connectStreams,
};

function match(
  methods: ReadonlyMap<string, StreamMethod>,
  ...[httpMethod, target = "", contentType = ""]: readonly (string | undefined)[]
): Match | undefined {
  const method = httpMethod === "POST" ? methods.get(target) : undefined;
  const type = method === undefined ? undefined : parseContentType(contentType);
  return method === undefined || type === undefined || !type.enveloped ? undefined : { method, type };
}
