import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createContextValues } from "@connectrpc/connect";
import { errorResponse, type RestResponse, type Transcoder } from "@parley/rest";
import { type Environment, requestIdHeader, requestIdOf, traceIdHeader } from "@parley/rpc";
import { type AnyRequest, type AnyResponse, onTraceIdKey, peerKey } from "@parley/rpc/server";
import type { RateLimit } from "../limits/rate-limit.ts";

/** The dependencies of the REST handler. */
export interface Rest {
  readonly transcoder: Transcoder;
  readonly rateLimit: RateLimit;
  readonly environment: Environment;
  /** The domain of the reasons in errors, and the page that describes them. */
  readonly reasons: { readonly reasonDomain: string; readonly errorHelpUrl: string | undefined };
}

/**
 * For data responses: never interpreted as another type, nor shown in a frame (OWASP REST Security Cheat Sheet,
 * "Security Headers"). Helmet's headers for pages do not apply to them.
 */
export const dataHeaders = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
};

/** Handles a REST request directly on the connection: a framework in between would cost more than the handler. */
export async function answerRest(request: AnyRequest, response: AnyResponse, rest: Rest): Promise<void> {
  const { transcoder, rateLimit, environment, reasons } = rest;
  const { headers } = request;
  const requestId = requestIdOf(headers[requestIdHeader], environment.newId);
  const caller = rateLimit.callerOf(request.socket.remoteAddress ?? "unknown", lastOf(headers["x-forwarded-for"]));
  const refused = rateLimit.take(caller);
  if (refused !== undefined) {
    const { status, headers: errorHeaders, body } = errorResponse(refused, reasons);
    const type = { "content-type": "application/json", "cache-control": "no-store" };
    return send({ status, headers: { ...type, ...errorHeaders }, body: JSON.stringify(body) }, response, requestId);
  }
  const disconnect = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) {
      disconnect.abort();
    }
  });
  headers[requestIdHeader] = requestId;
  let traceId: string | undefined;
  const onTraceId = (id: string) => {
    traceId = id;
  };
  const answer = await transcoder.handle({
    method: request.method ?? "GET",
    url: request.url ?? "/",
    origin: originOf(request),
    headers,
    body: request,
    get hasBody() {
      return "stream" in request ? (request.stream as unknown as { readonly hasBody: boolean }).hasBody : undefined;
    },
    signal: disconnect.signal,
    contextValues: createContextValues().set(peerKey, caller).set(onTraceIdKey, onTraceId),
  });
  const traced =
    traceId === undefined ? answer : { ...answer, headers: { ...answer.headers, [traceIdHeader]: traceId } };
  return send(traced, response, requestId);
}

/** The origin by which the client addressed this server. A proxy that terminates TLS must itself change the scheme. */
function originOf({ headers, socket }: AnyRequest): string | undefined {
  const host = headers[":authority"] ?? headers.host;
  return typeof host === "string" ? `${"encrypted" in socket ? "https" : "http"}://${host}` : undefined;
}

function lastOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.at(-1) : value;
}

async function send({ status, headers, body }: RestResponse, to: AnyResponse, requestId: string): Promise<void> {
  // A disconnect of the client is not a failure; the transcoder has ended the call by then.
  if (to.destroyed) {
    return;
  }
  // HTTP/2's response has the same methods, with other types.
  const response = to as ServerResponse;
  const all: Record<string, string | number> = { ...dataHeaders, ...headers, [requestIdHeader]: requestId };
  if ("stream" in to) {
    // HTTP/2 has no Connection field (RFC 9113, section 8.2.2): a malformed request does not end its connection.
    delete all.connection;
  }
  if (typeof body === "string" || body instanceof Uint8Array) {
    if (body.length > 0) {
      all["content-length"] = Buffer.byteLength(body);
    }
    response.writeHead(status, all);
    response.end(body);
    return;
  }
  response.writeHead(status, all);
  // The headers of a stream are sent before its first message.
  response.flushHeaders();
  await pipeline(Readable.from(body), response).catch(() => {});
}
