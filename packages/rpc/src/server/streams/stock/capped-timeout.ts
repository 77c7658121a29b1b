import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { formatGrpcTimeout, parseConnectTimeoutMs, parseGrpcTimeoutMs } from "../../../protocol/timeouts.ts";

/** The longest delay of a Node timer. A longer one fires at once, and Connect sets a timer for each timeout as it comes. */
const timerMaxMs = 2 ** 31 - 1;

/** A request whose timeout a timer can hold: 24.8 days at most. */
export function withCappedTimeout(request: UniversalServerRequest): UniversalServerRequest {
  const capped = cappedHeader(request.header, "connect-timeout-ms") ?? cappedHeader(request.header, "grpc-timeout");
  if (capped === undefined) {
    return request;
  }
  const header = new Headers(request.header);
  header.set(...capped);
  return { ...request, header };
}

/** The header with a shorter timeout. Undefined if there is none to shorten; Connect refuses one that cannot be read. */
function cappedHeader(
  header: Headers,
  name: "connect-timeout-ms" | "grpc-timeout",
): [name: string, value: string] | undefined {
  const value = header.get(name) ?? "";
  const isGrpc = name === "grpc-timeout";
  const timeoutMs = isGrpc ? parseGrpcTimeoutMs(value) : parseConnectTimeoutMs(value);
  if (timeoutMs === undefined || timeoutMs <= timerMaxMs) {
    return undefined;
  }
  return [name, isGrpc ? formatGrpcTimeout(timerMaxMs) : String(timerMaxMs)];
}
