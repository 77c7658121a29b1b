import type { Registry } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import type { Clock } from "../../environment/clock.ts";
import { deadlinePassed } from "../call/call-end.ts";
import { type CallLayer, layerOf, transportOf } from "../call/call-layer.ts";
import type { Channel } from "../connection/channel.ts";
import type { TlsOptions } from "../connection/client-connection.ts";
import type { CodecName } from "./codec.ts";
import { connectProtocol } from "./connect-protocol.ts";
import { grpcProtocol } from "./grpc-protocol.ts";
import { gzipBytesMinDefault } from "./gzip.ts";
import { createAgent, Http1UnaryCalls } from "./http1/http1-unary-calls.ts";
import { withRightCodes } from "./http2/broken-streams.ts";
import { Http2UnaryCalls } from "./http2/http2-unary-calls.ts";
import { SharedSession } from "./http2/shared-session.ts";
import type { WireOptions } from "./unary-protocol.ts";

/** How a client speaks. */
export interface WireTransportOptions {
  /** Default "grpc". */
  readonly protocol?: "grpc" | "grpc-web" | "connect";
  /** Default "2". gRPC needs "2". */
  readonly httpVersion?: "1.1" | "2";
  /** Default "proto". */
  readonly codec?: CodecName;
  /** The most bytes that an answer's message may have. Default 4 MiB, as in gRPC. */
  readonly readBytesMax?: number;
  /** Whether answers may come compressed. Default false: inside a platform it costs more than it saves. */
  readonly acceptGzip?: boolean;
  /** Whether requests of `gzipBytesMin` and more are compressed. Default false. */
  readonly sendGzip?: boolean;
  /** The fewest bytes that are worth compressing. Default 1 KiB. */
  readonly gzipBytesMin?: number;
  /** Whether Connect calls that the contract says have no side effects are made with GET, which caches understand. Default false. */
  readonly useGet?: boolean;
  /** The types that `google.protobuf.Any` may hold in JSON. Default none. */
  readonly registry?: Registry;
  /** What `user-agent` says. */
  readonly userAgent?: string;
}

/**
 * The transport that speaks to a target: unary gRPC and Connect calls on their own short path, streams and gRPC-Web by the stock
 * transports over the same connections.
 */
export function createWireTransport(
  channel: Channel,
  clock: Clock,
  options: WireTransportOptions & { readonly tls?: TlsOptions } = {},
): Transport {
  return transportOf(createWireLayer(channel, clock, options));
}

/** The same, as the innermost layer of a client. */
export function createWireLayer(
  channel: Channel,
  clock: Clock,
  { tls, ...options }: WireTransportOptions & { readonly tls?: TlsOptions } = {},
): CallLayer {
  const {
    protocol = "grpc",
    httpVersion = "2",
    codec = "proto",
    gzipBytesMin = gzipBytesMinDefault,
    registry,
  } = options;
  if (protocol === "grpc" && httpVersion === "1.1") {
    throw new TypeError("gRPC needs HTTP/2");
  }
  const { target } = channel;
  const agent = createAgent(target, tls);
  const common = {
    baseUrl: `${target.scheme}://${target.authority}${target.pathPrefix}`,
    useBinaryFormat: codec === "proto",
    readMaxBytes: options.readBytesMax ?? readBytesMaxDefault,
    acceptCompression: options.acceptGzip ? [compressionGzip] : [],
    ...(options.sendGzip ? { sendCompression: compressionGzip } : {}),
    compressMinBytes: gzipBytesMin,
    useHttpGet: options.useGet ?? false,
    ...(registry === undefined ? {} : { jsonOptions: { registry } }),
  };
  const http =
    httpVersion === "2"
      ? { httpVersion: "2" as const, sessionManager: new SharedSession(channel) }
      : { httpVersion: "1.1" as const, nodeOptions: { agent } };
  if (protocol === "grpc-web") {
    const web = wholeMilliseconds(layerOf(createGrpcWebTransport({ ...common, ...http })));
    return { unary: web.unary, stream: withRightCodes(web, clock) };
  }
  const wire: WireOptions = {
    codec,
    readBytesMax: common.readMaxBytes,
    acceptGzip: options.acceptGzip ?? false,
    sendGzip: options.sendGzip ?? false,
    gzipBytesMin,
    userAgent: options.userAgent ?? "parley-rpc/0.1",
  };
  const rules = protocol === "grpc" ? grpcProtocol(wire) : connectProtocol(wire);
  const fast =
    httpVersion === "2"
      ? new Http2UnaryCalls(channel, rules, { format: { codec, registry }, clock })
      : new Http1UnaryCalls(target, rules, { agent, format: { codec, registry }, clock });
  const stock = wholeMilliseconds(
    layerOf(
      protocol === "grpc"
        ? createGrpcTransport({ ...common, sessionManager: new SharedSession(channel) })
        : createConnectTransport({ ...common, ...http }),
    ),
  );
  const unary: CallLayer["unary"] = (call) => fast.unary(call);
  return { unary: options.useGet ? withGet(unary, stock) : unary, stream: withRightCodes(stock, clock) };
}

/** GET is rare enough to be left to the stock transport. */
function withGet(unary: CallLayer["unary"], stock: CallLayer): CallLayer["unary"] {
  return (call) =>
    call.method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS ? stock.unary(call) : unary(call);
}

/** gRPC's own default for messages received. */
const readBytesMaxDefault = 4 << 20;

/**
 * The stock transports write a timeout as it is given, though the protocols know whole numbers alone, and take 0 for no limit, though
 * it means that no time is left.
 */
function wholeMilliseconds(stock: CallLayer): CallLayer {
  const isOver = ({ timeoutMs }: { readonly timeoutMs: number | undefined }) =>
    timeoutMs !== undefined && timeoutMs <= 0;
  return {
    unary: (call) =>
      isOver(call)
        ? Promise.reject(deadlinePassed("unreachable"))
        : stock.unary({ ...call, timeoutMs: whole(call.timeoutMs) }),
    stream: (call) =>
      isOver(call)
        ? Promise.reject(deadlinePassed("unreachable"))
        : stock.stream({ ...call, timeoutMs: whole(call.timeoutMs) }),
  };
}

function whole(timeoutMs: number | undefined): number | undefined {
  return timeoutMs === undefined ? undefined : Math.max(1, Math.floor(timeoutMs));
}
