import type { Agent } from "node:http";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import type { Clock } from "../../../environment/clock.ts";
import { deadlinePassed } from "../../call/call-end.ts";
import { type CallLayer, layerOf } from "../../call/call-layer.ts";
import type { Channel } from "../../connection/channel.ts";
import type { WireOptions } from "../unary-protocol.ts";
import type { WireTransportOptions } from "../wire-options.ts";
import { withRightCodes } from "./broken-streams.ts";
import { SharedSession } from "./shared-session.ts";

export interface StockLayerOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly agent: Agent;
  readonly httpVersion: "1.1" | "2";
  readonly protocol: "grpc" | "grpc-web" | "connect";
  readonly wire: WireOptions;
  readonly options: WireTransportOptions;
}

/** The stock transports over our own connections. */
export function stockLayer({
  channel,
  clock,
  agent,
  httpVersion,
  protocol,
  wire,
  options,
}: StockLayerOptions): CallLayer {
  const { target } = channel;
  const common = {
    // Over HTTP/1.1 our agent makes the TLS connections.
    baseUrl: `${httpVersion === "2" ? target.scheme : "http"}://${target.authority}${target.pathPrefix}`,
    useBinaryFormat: wire.codec === "proto",
    readMaxBytes: wire.readBytesMax,
    acceptCompression: [compressionGzip],
    ...(wire.sendGzip ? { sendCompression: compressionGzip } : {}),
    compressMinBytes: wire.gzipBytesMin,
    useHttpGet: options.useGet ?? false,
    ...(options.registry === undefined ? {} : { jsonOptions: { registry: options.registry } }),
  };
  const sessionManager = new SharedSession(channel);
  const http =
    httpVersion === "2"
      ? { httpVersion: "2" as const, sessionManager }
      : { httpVersion: "1.1" as const, nodeOptions: { agent } };
  const transport =
    protocol === "grpc"
      ? createGrpcTransport({ ...common, sessionManager })
      : protocol === "grpc-web"
        ? createGrpcWebTransport({ ...common, ...http })
        : createConnectTransport({ ...common, ...http });
  const stock = wholeMilliseconds(layerOf(transport));
  return { unary: stock.unary, stream: withRightCodes(stock, clock) };
}

/**
 * The stock transports send a timeout unchanged, although the protocols allow integers only, and treat 0 as no limit, although
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

/** The stock transports send every `grpc-timeout` in milliseconds, of which it holds eight digits. */
const stockTimeoutMaxMs = 99_999_999;

function whole(timeoutMs: number | undefined): number | undefined {
  return timeoutMs === undefined ? undefined : Math.min(stockTimeoutMaxMs, Math.max(1, Math.floor(timeoutMs)));
}
