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
  /** The methods served, see `stockPath`. */
  readonly connect: Parameters<typeof fastifyConnectPlugin>[1];
  readonly limits: ServerLimits;
  /** Whose the reasons in errors are, and where they are described. */
  readonly reasons: ReasonSource;
  /** What `GET /metrics` answers. Without it there is no such route: the admin port has it. */
  readonly metricsPage?: ReadMetricsPage | undefined;
  /** Further routes, for whatever is not a call. */
  readonly httpRoutes?: readonly RouteOptions[] | undefined;
  /** Comes before all else. What it answers is asked before Fastify is. */
  readonly httpPlugin?: ((app: FastifyInstance) => Promise<TakeRequest | undefined>) | undefined;
}

export interface HttpApp {
  readonly handle: RequestHandler;
  close(): Promise<void>;
}

/** The one Fastify instance behind every connection: the methods, `GET /health`, `GET /metrics`, a module's own routes, 404. */
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
    // Calls that come while the server drains are answered as long as their connection stands.
    return503OnClosing: false,
    bodyLimit: limits.requestBytesMax,
    routerOptions: { maxParamLength: 256 },
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
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.setNotFoundHandler((request, reply) => answerUnknownPath(request.raw, reply, reasons));
  app.setErrorHandler((error, _request, reply) => {
    const { statusCode = 500 } = error as { statusCode?: number };
    if (statusCode >= 400 && statusCode < 500) {
      // What Fastify itself refuses of a request, for example a method that needs a content type.
      return reply.code(statusCode).send({ code: "invalid_argument", message: "The HTTP request cannot be read." });
    }
    environment.log.error({ err: error }, "a request failed outside of a call");
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
      // Fastify's types know one kind of request an instance; its router takes both.
      app.routing(request as IncomingMessage & Http2ServerRequest, response as never);
    },
    close: () => app.close(),
  };
}
