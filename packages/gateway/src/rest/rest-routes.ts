import type { TakeRequest } from "@parley/rpc/server";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { answerRest, type Rest } from "./answer-rest.ts";

/**
 * Takes the requests that nobody but the transcoder has to see: those for a route that there is. What pages from elsewhere ask
 * is left to Fastify, whose CORS answers them.
 */
export function takeRest(rest: Rest): TakeRequest {
  return (request, response) => {
    const { method = "", url = "", headers } = request;
    if (headers.origin !== undefined || isRpc(headers["content-type"]) || !rest.transcoder.serves(method, url)) {
      return false;
    }
    void answerRest(request, response, rest).catch((error: unknown) => {
      rest.environment.log.error({ err: error }, "a request failed outside of a call");
      response.destroy();
    });
    return true;
  };
}

/**
 * Gives every path that nothing else answers to the transcoder. Calls by RPC of a method that is not there are left to the
 * server, which answers them in their own form.
 */
export async function restRoutes(app: FastifyInstance, rest: Rest): Promise<void> {
  // The transcoder reads bodies itself, and only those of calls that there are.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.route({
    method: [...routedMethods],
    url: "/*",
    handler: (request, reply) =>
      isRpc(request.headers["content-type"]) ? reply.callNotFound() : answer(request, reply, rest),
  });
}

/** What Fastify's router knows to find; everything else is answered by {@link answerOtherMethods}. */
const routedMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);

/**
 * Gives requests with other methods to the transcoder: OPTIONS that is no preflight of a browser's, methods of custom
 * patterns, and those that there are not, for their 405. To be added before CORS, which takes every OPTIONS.
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

/** Answered past Fastify; the door has put on the raw response what its hooks have to say to a page from elsewhere. */
async function answer(request: FastifyRequest, reply: FastifyReply, rest: Rest): Promise<FastifyReply> {
  reply.hijack();
  await answerRest(request.raw, reply.raw, rest);
  return reply;
}
