import type { Registry } from "@bufbuild/protobuf";
import type { CodecName } from "./codec.ts";

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
  /** Whether responses are asked for in gzip. Default false: inside a platform it costs more than it saves. Gzip that comes unasked is read. */
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
  /** Whether streams, and unary calls of gRPC-Web, go through the stock transports of `@connectrpc/connect-node`. Default false. */
  readonly stockStreams?: boolean;
}
