import type { ContentType } from "../../protocol/content-types.ts";
import { connectDialect } from "./connect-dialect.ts";
import type { Dialect } from "./dialect.ts";
import { grpcDialect } from "./grpc-dialect.ts";
import { grpcWebDialect } from "./grpc-web-dialect.ts";

/** The wire format of unary calls, by protocol. */
export const dialects: Readonly<Record<ContentType["protocol"], Dialect>> = {
  grpc: grpcDialect,
  "grpc-web": grpcWebDialect,
  connect: connectDialect,
};
