import type { Registry } from "@bufbuild/protobuf";
import type { CodecName } from "./codec.ts";

/** A client's protocol options. */
export interface WireTransportOptions {
  /** Default "grpc". */
  readonly protocol?: "grpc" | "grpc-web" | "connect";
  /** Default "2". gRPC needs "2". */
  readonly httpVersion?: "1.1" | "2";
  /** Default "proto". */
  readonly codec?: CodecName;
  /** The largest response message. Default 4 MiB, as in gRPC. */
  readonly readBytesMax?: number;
  /** Whether gzip responses are requested. Default false: inside a platform it costs more than it saves. Unrequested gzip is decoded. */
  readonly acceptGzip?: boolean;
  /** Whether requests of `gzipBytesMin` and more are compressed. Default false. */
  readonly sendGzip?: boolean;
  /** The smallest message that is compressed. Default 1 KiB. */
  readonly gzipBytesMin?: number;
  /** Whether Connect calls without side effects by their contract use GET, which HTTP caches support. Default false. */
  readonly useGet?: boolean;
  /** The types that `google.protobuf.Any` may contain in JSON. Default none. */
  readonly registry?: Registry;
  /** The value of `user-agent`. */
  readonly userAgent?: string;
  /** Whether streams, and unary calls of gRPC-Web, go through the stock transports of `@connectrpc/connect-node`. Default false. */
  readonly stockStreams?: boolean;
}
