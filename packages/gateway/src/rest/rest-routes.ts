import type { TakeRequest } from "@parley/rpc/server";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { answerRest, type Rest } from "./answer-rest.ts";

/**
 * Handles requests for existing routes without Fastify. Requests of pages of other origins go through Fastify, whose CORS plugin adds its
 * headers.
 */
export function takeRest(rest: Rest): TakeRequest {
  return (request, response) => {
    const { method = "", url = "", headers } = request;
    if (headers.origin !== undefined || isRpc(headers["content-type"]) || !rest.transcoder.serves(method, url)) {
      return false;
    }
    void answerRest(request, response, rest).catch((error: unknown) => {
      rest.environment.log.error({ err: error }, "request failed outside of a call");
      response.destroy();
    });
    return true;
  };
}

/**
 * Passes every path without another route to the transcoder. RPC calls of unknown methods are left to the
 * server, which answers them in their own format.
 */
export async function restRoutes(app: FastifyInstance, rest: Rest): Promise<void> {
  // The transcoder reads bodies itself, and only those of existing routes.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.route({
    method: [...routedMethods],
    url: "/*",
    handler: (request, reply) =>
      isRpc(request.headers["content-type"]) ? reply.callNotFound() : answer(request, reply, rest),
  });
}

/** The methods of Fastify's router; {@link answerOtherMethods} handles all others. */
const routedMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);

/**
 * Passes requests with other methods to the transcoder: OPTIONS requests that are not CORS preflights, methods of custom
 * patterns, and unknown ones, for their 405. Must be added before CORS, which handles every OPTIONS.
 */
export function answerOtherMethods(app: FastifyInstance, rest: Rest): void {
  app.addHook("onRequest", async (request, reply) => {
    const preflight = request.headers["access-control-request-method"] !== undefined;
    if (!routedMethods.has(request.method) && !(request.method === "OPTIONS" && preflight)) {
      await answer(request, reply, rest);
      return reply;
    }
  });
}

const rpcContentType = /^application\/(?:grpc|connect\+|proto)/;

function isRpc(contentType: string | undefined): boolean {
  return contentType !== undefined && rpcContentType.test(contentType);
}

/** Bypasses Fastify; the hooks' CORS headers are already on the raw response. */
async function answer(request: FastifyRequest, reply: FastifyReply, rest: Rest): Promise<FastifyReply> {
  reply.hijack();
  await answerRest(request.raw, reply.raw, rest);
  return reply;
}
