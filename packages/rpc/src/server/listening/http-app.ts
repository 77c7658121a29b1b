import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import { type FastifyInstance, fastify, type RouteOptions } from "fastify";
import type { ReasonSource } from "../../call/reason-error.ts";
import { givenRequestId, requestIdHeader } from "../../call/request-id.ts";
import type { Environment } from "../../environment/environment.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import type { RequestHandler } from "../http/http-messages.ts";
import { boundAnswer } from "../http/slow-client.ts";
import type { TakeRequest } from "../pipeline/service-module.ts";
import type { Health } from "../standard/health.ts";
import type { ReadMetricsPage } from "./metrics-page.ts";
import { answerUnknownPath } from "./unknown-path.ts";

export interface HttpAppOptions {
  readonly environment: Environment;
  readonly health: Health;
  /** The served methods, see `stockPath`. */
  readonly connect: Parameters<typeof fastifyConnectPlugin>[1];
  readonly limits: ServerLimits;
  /** The domain of error reasons, and the URL of their documentation. */
  readonly reasons: ReasonSource;
  /** Renders `GET /metrics`. Undefined if the admin port has this route. */
  readonly metricsPage?: ReadMetricsPage | undefined;
  /** Further routes, for requests other than calls. */
  readonly httpRoutes?: readonly RouteOptions[] | undefined;
  /** Registered first. The function that it returns gets each request before Fastify does. */
  readonly httpPlugin?: ((app: FastifyInstance) => Promise<TakeRequest | undefined>) | undefined;
}

export interface HttpApp {
  readonly handle: RequestHandler;
  close(): Promise<void>;
}

/** Creates the Fastify instance of the server: the methods, `GET /health`, `GET /metrics`, the routes of the module, and 404. */
export async function createHttpApp({
  environment,
  health,
  connect,
  httpRoutes = [],
  httpPlugin,
  limits,
  reasons,
  metricsPage,
}: HttpAppOptions): Promise<HttpApp> {
  const app = fastify({
    // A draining server still accepts calls on open connections.
    return503OnClosing: false,
    bodyLimit: limits.requestBytesMax,
    routerOptions: { maxParamLength: 256 },
    // Fastify's own responses, for example to a path that is not percent-encoded UTF-8.
    frameworkErrors: (_error, request, reply) => void answerUnknownPath(request.raw, reply, reasons),
  });
  const take = await httpPlugin?.(app);
  await app.register(fastifyConnectPlugin, connect);
  if (!app.hasRoute({ method: "GET", url: "/health" })) {
    app.get("/health", (_request, reply) => {
      const status = health.report();
      return reply.code(status.status === "SERVING" ? 200 : 503).send(status);
    });
  }
  if (metricsPage !== undefined) {
    app.get("/metrics", async (request, reply) => {
      const { contentType, text } = await metricsPage(request.headers.accept);
      return reply.type(contentType).send(text);
    });
  }
  for (const route of httpRoutes) {
    app.route(route);
  }
  // None of these routes has a body, so none is parsed.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.setNotFoundHandler((request, reply) => answerUnknownPath(request.raw, reply, reasons));
  app.setErrorHandler((error, _request, reply) => {
    const { statusCode = 500 } = error as { statusCode?: number };
    if (statusCode >= 400 && statusCode < 500) {
      // Fastify refused the request, for example because of its content type.
      return reply.code(statusCode).send({ code: "invalid_argument", message: "The HTTP request cannot be read." });
    }
    environment.log.error({ err: error }, "request failed outside of a call");
    return reply.code(500).send({ code: "internal", message: "Internal error." });
  });
  await app.ready();
  return {
    handle(request, response) {
      boundAnswer({ request, response, limits });
      if (take?.(request, response) === true) {
        return;
      }
      const requestId = givenRequestId(request.headers[requestIdHeader]);
      if (requestId !== undefined) {
        response.setHeader(requestIdHeader, requestId);
      }
      // Fastify's types allow one kind of request for each instance. Its router accepts both.
      app.routing(request as IncomingMessage & Http2ServerRequest, response as never);
    },
    close: () => app.close(),
  };
}
