import { type Agent, type ClientRequest, request } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";
import { markDeliveryStatus } from "../../call/attempt-outcome.ts";
import { headerBytesMax } from "../../connection/client-connection.ts";
import { errorWords } from "../../connection/error-words.ts";
import type { Target } from "../../connection/resolution/target.ts";

export interface Http1RequestInit {
  readonly agent: Agent;
  readonly target: Target;
  readonly path: string;
  /** Names and values in turn. */
  readonly fields: readonly string[];
  /** Undefined for a body of unknown length. */
  readonly bodyBytes?: number;
}

/** Starts a request. Throws a ConnectError if Node refuses an invalid header. */
export function openHttp1Request({ agent, target, path, fields, bodyBytes }: Http1RequestInit): ClientRequest {
  try {
    return request({
      agent,
      method: "POST",
      host: target.hostname,
      path,
      headers: {
        host: target.authority,
        ...(bodyBytes === undefined ? {} : { "content-length": bodyBytes }),
        ...asObject(fields),
      },
      maxHeaderSize: headerBytesMax,
    });
  } catch (error) {
    throw markDeliveryStatus(ConnectError.from(error, Code.Internal), "unreachable");
  }
}

/** Interim responses (RFC 9110, section 15.2) before the final one. Servers send one or two; each costs about as much as a call. */
const interimResponsesMax = 100;

/** Ends the request with an error after too many interim responses. */
export function boundInterimResponses(pending: ClientRequest): void {
  let count = 0;
  pending.on("information", () => {
    if (++count > interimResponsesMax) {
      const message = `more than ${interimResponsesMax} interim responses`;
      pending.destroy(Object.assign(new Error(message), { code: "HPE_INTERIM_RESPONSES" }));
    }
  });
}

/** The error of a request without a connection. */
export function noConnection(target: Target, cause: unknown): ConnectError {
  const message = `cannot connect to ${target.name}: ${errorWords(cause)}`;
  return markDeliveryStatus(new ConnectError(message, Code.Unavailable, undefined, undefined, cause), "unreachable");
}

/** The error of a request whose connection broke. A response that is not HTTP is the server's fault; other failures may be temporary. */
export function brokenConnection(error: NodeJS.ErrnoException): ConnectError {
  const isNoHttp = error.code?.startsWith("HPE_") === true;
  const code = isNoHttp ? Code.Internal : Code.Unavailable;
  const failed = new ConnectError(
    `the connection failed: ${isNoHttp ? "the server did not answer in HTTP/1.1" : errorWords(error)}`,
    code,
    undefined,
    undefined,
    error,
  );
  return markDeliveryStatus(failed, isNoHttp ? "answered" : "lost");
}

function asObject(fields: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const before = headers[name];
    headers[name] = before === undefined ? (fields[index + 1] ?? "") : `${before}, ${fields[index + 1]}`;
  }
  return headers;
}
