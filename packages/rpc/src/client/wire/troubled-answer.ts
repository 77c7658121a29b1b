import { Code } from "@connectrpc/connect";
import type { HttpAnswer } from "./unary-answer.ts";

/**
 * The gRPC statuses that say that a server is in trouble, rather than something of the request: those that OpenTelemetry's conventions take for errors of
 * a server, and RESOURCE_EXHAUSTED, with which it sheds load. A server that refuses quickly has few open calls, and would draw more and more of them.
 */
const troubledStatuses: ReadonlySet<string> = new Set(
  [Code.Unknown, Code.DeadlineExceeded, Code.ResourceExhausted, Code.Internal, Code.Unavailable, Code.DataLoss].map(
    String,
  ),
);

/** Whether an answer, of gRPC by its status or of Connect by HTTP's, speaks against the server that gave it. */
export function isTroubled({
  status,
  headers,
  trailers,
}: Pick<HttpAnswer, "status" | "headers" | "trailers">): boolean {
  const grpcStatus = trailers["grpc-status"] ?? headers["grpc-status"];
  return typeof grpcStatus === "string"
    ? troubledStatuses.has(grpcStatus)
    : status >= 500 || status === tooManyRequests;
}

const tooManyRequests = 429;
