import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";
import { encodeFields } from "@parley/http2";
import type { Clock } from "../../environment/clock.ts";
import { type CallLayer, transportOf } from "../call/call-layer.ts";
import type { Channel } from "../connection/channel.ts";
import type { Target } from "../connection/resolution/target.ts";
import { connectProtocol } from "./connect-protocol.ts";
import { grpcProtocol } from "./grpc-protocol.ts";
import { gzipBytesMinDefault } from "./gzip.ts";
import { Http1StreamWire } from "./http1/http1-stream-wire.ts";
import { Http1UnaryCalls } from "./http1/http1-unary-calls.ts";
import { TargetAgent } from "./http1/target-agent.ts";
import { Http2StreamWire } from "./http2/http2-stream-wire.ts";
import { Http2UnaryCalls } from "./http2/http2-unary-calls.ts";
import { stockLayer } from "./stock/stock-layer.ts";
import { connectStreamProtocol } from "./streams/connect-stream-protocol.ts";
import { grpcStreamProtocol, grpcWebStreamProtocol } from "./streams/grpc-stream-protocol.ts";
import { StreamCalls } from "./streams/stream-calls.ts";
import type { WireOptions } from "./unary-protocol.ts";
import type { WireTransportOptions } from "./wire-options.ts";

/**
 * The transport of a target: unary calls and streams each on a path of their own, over the same connections. Connect calls with GET,
 * and streams if the options say so, use the stock transports.
 */
export function createWireTransport(channel: Channel, clock: Clock, options: WireTransportOptions = {}): Transport {
  return transportOf(createWireLayer(channel, clock, options));
}

/** The same, as the innermost layer of a client. */
export function createWireLayer(channel: Channel, clock: Clock, options: WireTransportOptions = {}): CallLayer {
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
  const wire: WireOptions = {
    codec,
    readBytesMax: options.readBytesMax ?? readBytesMaxDefault,
    acceptGzip: options.acceptGzip ?? false,
    sendGzip: options.sendGzip ?? false,
    gzipBytesMin,
    userAgent: options.userAgent ?? "parley-rpc/0.1",
  };
  const { target } = channel;
  const agent = new TargetAgent(channel, clock);
  const format = { codec, registry };
  const streams = new StreamCalls({
    protocol: streamProtocols[protocol](wire),
    format,
    wireOptions: wire,
    clock,
    pathPrefix: target.pathPrefix,
    openWire:
      httpVersion === "2"
        ? ({ path, fields, ...parts }) =>
            new Http2StreamWire(channel, { head: requestHead(target, path, fields), ...parts })
        : ({ path, fields, ...parts }) => new Http1StreamWire({ agent, target, path, fields }, parts),
  });
  const stock = () => stockLayer({ channel, clock, agent, httpVersion, protocol, wire, options });
  const stream = options.stockStreams ? stock().stream : streams.stream.bind(streams);
  if (protocol === "grpc-web") {
    return { unary: options.stockStreams ? stock().unary : streams.unary.bind(streams), stream };
  }
  const rules = protocol === "grpc" ? grpcProtocol(wire) : connectProtocol(wire);
  const fast =
    httpVersion === "2"
      ? new Http2UnaryCalls(channel, rules, { format, clock })
      : new Http1UnaryCalls(target, rules, { agent, format, clock });
  const unary: CallLayer["unary"] = (call) => fast.unary(call);
  return { unary: options.useGet ? withGet(unary, stock()) : unary, stream };
}

const streamProtocols = {
  grpc: grpcStreamProtocol,
  "grpc-web": grpcWebStreamProtocol,
  connect: connectStreamProtocol,
} as const;

/** The headers of a streaming request, as HTTP/2 writes them. */
function requestHead({ scheme, authority }: Target, path: string, fields: readonly string[]): Buffer {
  return encodeFields([":method", "POST", ":scheme", scheme, ":authority", authority, ":path", path, ...fields]);
}

/** GET is rare enough for the stock transport. */
function withGet(unary: CallLayer["unary"], stock: CallLayer): CallLayer["unary"] {
  return (call) =>
    call.method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS ? stock.unary(call) : unary(call);
}

/** gRPC's own default for received messages. */
const readBytesMaxDefault = 4 << 20;
