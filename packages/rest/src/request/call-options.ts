import type { CallOptions } from "@connectrpc/connect";
import { headerOf, type RestRequest } from "../http.ts";
import { quoted, RestProblem } from "../problem.ts";

/** The options of the call: the client's abort signal, the deadline, and the forwarded headers. */
export function callOptionsOf(request: RestRequest, forwardedHeaders: readonly string[]): CallOptions {
  const headers: [string, string][] = [];
  for (const name of forwardedHeaders) {
    const value = headerOf(request, name);
    if (value !== undefined) {
      headers.push([name, value]);
    }
  }
  const timeoutMs = requestTimeoutMs(headerOf(request, "x-server-timeout"));
  return {
    signal: request.signal,
    headers,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(request.contextValues === undefined ? {} : { contextValues: request.contextValues }),
  };
}

/** A header of Google's APIs: seconds, with a fraction. It may shorten the contract's timeout, never extend it. */
function requestTimeoutMs(seconds: string | undefined): number | undefined {
  if (seconds === undefined) {
    return undefined;
  }
  if (!secondsPattern.test(seconds) || Number(seconds) === 0) {
    throw new RestProblem(
      "INVALID_TIMEOUT",
      `The header X-Server-Timeout must be a number of seconds above 0 of at most 9 digits, such as 2.5; it is ${quoted(seconds)}.`,
      {
        field: "x-server-timeout",
      },
    );
  }
  return Math.max(1, Math.floor(Number(seconds) * 1000));
}

/** Up to 31 years, and nanoseconds: exact in milliseconds. */
const secondsPattern = /^\d{1,9}(?:\.\d{1,9})?$/;
