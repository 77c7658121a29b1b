import { Code } from "@connectrpc/connect";
import type { HttpAnswer } from "./unary-answer.ts";

/**
 * The gRPC statuses that indicate a failing server, not an invalid request: those that OpenTelemetry's conventions treat as errors of a server, and
 * RESOURCE_EXHAUSTED, with which it sheds load. A server that refuses quickly has few open calls, and would otherwise attract more and more of them.
 */
const troubledStatuses: ReadonlySet<string> = new Set(
  [Code.Unknown, Code.DeadlineExceeded, Code.ResourceExhausted, Code.Internal, Code.Unavailable, Code.DataLoss].map(
    String,
  ),
);

/** Whether a response, of gRPC by its status or of Connect by HTTP's, counts against its server. */
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
