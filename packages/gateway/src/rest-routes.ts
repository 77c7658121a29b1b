import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createContextValues } from "@connectrpc/connect";
import { errorResponse, type RestRequest, type RestResponse, type Transcoder } from "@parley/rest";
import type { Environment } from "@parley/rpc";
import { peerKey } from "@parley/rpc/server";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { RateLimit } from "./rate-limit.ts";

export interface RestRoutesOptions {
  readonly transcoder: Transcoder;
  readonly rateLimit: RateLimit;
  readonly environment: Environment;
}

/**
 * Gives every path that nothing else answers to the transcoder. Calls by RPC of a method that is not there are left to the
 * server, which answers them in their own form.
 */
export async function restRoutes(app: FastifyInstance, options: RestRoutesOptions): Promise<void> {
  // The transcoder reads bodies itself, and only those of calls that there are.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.route({
    method: [...routedMethods],
    url: "/*",
    handler: (request, reply) => (isRpc(request) ? reply.callNotFound() : handle(request, reply, options)),
  });
}

/** What Fastify's router knows to find; everything else is answered by {@link answerOtherMethods}. */
const routedMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);

/**
 * Gives requests with other methods to the transcoder: OPTIONS that is no preflight of a browser's, methods of custom
 * patterns, and those that there are not, for their 405. To be added before CORS, which takes every OPTIONS.
 */
export function answerOtherMethods(app: FastifyInstance, options: RestRoutesOptions): void {
  app.addHook("onRequest", async (request, reply) => {
    const preflight = request.headers["access-control-request-method"] !== undefined;
    if (!routedMethods.has(request.method) && !(request.method === "OPTIONS" && preflight)) {
      await handle(request, reply, options);
      return reply;
    }
  });
}

const rpcContentType = /^application\/(?:grpc|connect\+|proto)/;

function isRpc(request: FastifyRequest): boolean {
  return rpcContentType.test(request.headers["content-type"] ?? "");
}

/** What an id that comes in may look like, since it ends up in logs and headers: printable, no spaces, bounded. */
const requestIdPattern = /^[\x21-\x7e]{1,128}$/;

async function handle(request: FastifyRequest, reply: FastifyReply, options: RestRoutesOptions): Promise<unknown> {
  const { transcoder, rateLimit, environment } = options;
  const given = request.headers["x-request-id"];
  const requestId = typeof given === "string" && requestIdPattern.test(given) ? given : environment.newId();
  reply.header("x-request-id", requestId);
  const caller = rateLimit.callerOf(request.ip, headerText(request.headers["x-forwarded-for"]));
  const refused = rateLimit.take(caller);
  if (refused !== undefined) {
    const { status, headers, body } = errorResponse(refused);
    return reply.code(status).headers(headers).send(body);
  }
  const left = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) {
      left.abort();
    }
  });
  const response = await transcoder.handle(restRequest(request, { requestId, caller, signal: left.signal }));
  return send(response, reply);
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.at(-1) : value;
}

interface Arrival {
  readonly requestId: string;
  readonly caller: string;
  readonly signal: AbortSignal;
}

function restRequest(request: FastifyRequest, { requestId, caller, signal }: Arrival): RestRequest {
  return {
    method: request.method,
    url: request.raw.url ?? "/",
    headers: { ...request.headers, "x-request-id": requestId },
    body: request.raw,
    signal,
    contextValues: createContextValues().set(peerKey, caller),
  };
}

async function send({ status, headers, body }: RestResponse, reply: FastifyReply): Promise<unknown> {
  if (typeof body === "string") {
    return reply.code(status).headers(headers).send(body);
  }
  // Written past Fastify, which keeps headers back until there is something to send after them.
  reply.hijack();
  reply.raw.writeHead(status, { ...(reply.getHeaders() as Record<string, string>), ...headers });
  reply.raw.flushHeaders?.();
  // A client that leaves is no failure; the transcoder has ended the call by then.
  await pipeline(Readable.from(body), reply.raw).catch(() => {});
  return reply;
}
