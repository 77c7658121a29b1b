import type { DescMethod } from "@bufbuild/protobuf";
import { cors as connectCors, createClient } from "@connectrpc/connect";
import cors from "@fastify/cors";
import helmet from "@fastify/helmet";
import { Health, HealthCheckResponse_ServingStatus as Status } from "@parley/gen/health/v1/health_pb.js";
import { platform } from "@parley/gen/services.js";
import { createTranscoder, type RestRequest, restService } from "@parley/rest";
import { type Environment, requestIdHeader } from "@parley/rpc";
import type { LocalCalls, TakeRequest } from "@parley/rpc/server";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type BackendStates, healthReport } from "./backend-health.ts";
import { consoleRoutes } from "./console/console-routes.ts";
import { consoleSession } from "./console/session.ts";
import { corsOrigins } from "./cors-origins.ts";
import { guidePageRoutes } from "./guides/guide-pages.ts";
import type { RateLimit } from "./limits/rate-limit.ts";
import type { PublicService } from "./public-services.ts";
import { dataHeaders } from "./rest/answer-rest.ts";
import { apiDescription } from "./rest/api-description.ts";
import { apiPageRoutes } from "./rest/api-page.ts";
import { answerOtherMethods, restRoutes, takeRest } from "./rest/rest-routes.ts";

export interface IngressOptions {
  readonly environment: Environment;
  readonly services: readonly PublicService[];
  readonly rateLimit: RateLimit;
  readonly backendStates: () => Promise<BackendStates>;
  /** Whether callers must sign in where the contract requires it. */
  readonly signIn: boolean;
  /** Whether callers without a token may call methods that the contract opens to guests. */
  readonly guests: boolean;
  /** The currency of numbers that stand for an amount of money. */
  readonly defaultCurrency: string;
  /** The origins whose scripts may read responses, see `corsOrigins`. */
  readonly corsOrigins: readonly string[];
  /** Whether telemetry records headers and payloads of calls. */
  readonly payloads: boolean;
  /** The page that errors link to. */
  readonly errorHelpUrl: string | undefined;
  /** The file with the address and token of `parley up`, with which the console starts and stops services. */
  readonly stackControlFile?: string | undefined;
}

/** The largest body of a REST request: a hundred times the largest order. */
const restBodyBytesMax = 1024 * 1024;

/** The public endpoints of the gateway besides RPC: REST, the API's description, health, CORS, security headers. */
export function createIngress(
  options: IngressOptions,
): (app: FastifyInstance, local: LocalCalls) => Promise<TakeRequest> {
  const { environment, services, rateLimit, backendStates, signIn, guests, defaultCurrency, errorHelpUrl } = options;
  const reasons = { reasonDomain: platform.reasonDomain, errorHelpUrl };
  return async (app, local) => {
    const admit = (method: DescMethod, { headers, contextValues }: RestRequest) =>
      local.admit(method, { header: callHeader(headers), contextValues });
    // REST requests go through the server's own pipeline, like RPC calls.
    const transcoder = createTranscoder(
      services.map(({ service }) => restService(service, createClient(service, local))),
      { bodyLengthMax: restBodyBytesMax, timer: environment.clock, ...reasons, admit, defaultCurrency },
    );
    const rest = { transcoder, rateLimit, environment, reasons };
    app.addHook("onRequest", async (request, reply) => {
      if (!isPage(request)) {
        reply.headers(dataHeaders);
      }
    });
    answerOtherMethods(app, rest);
    const mayRead = corsOrigins(options.corsOrigins);
    await app.register(cors, {
      ...corsRules,
      origin: options.corsOrigins.includes("*") ? "*" : (origin, decide) => decide(null, mayRead(origin)),
    });
    app.addHook("onRequest", async (request, reply) => {
      // Calls bypass Fastify and write to the raw response; the headers for browsers are added here.
      if (request.headers.origin !== undefined) {
        for (const [name, value] of Object.entries(reply.getHeaders())) {
          reply.raw.setHeader(name, value as string);
        }
      }
    });
    const ownHealth = createClient(Health, local);
    app.get("/health", async (_request, reply) => {
      const [{ status }, states] = await Promise.all([ownHealth.check({ service: "" }), backendStates()]);
      // A load balancer must not remove the gateway because of a service behind it: the others still answer.
      const report = healthReport(status === Status.SERVING, states);
      return reply.code(report.status === "NOT_SERVING" ? 503 : 200).send(report);
    });
    const description = memoized(async () =>
      JSON.stringify(await apiDescription({ offered: services, signIn, guests, defaultCurrency })),
    );
    app.get("/openapi.json", async (_request, reply) => reply.type("application/json").send(await description()));
    await app.register(async (pages) => {
      await pages.register(helmet, { contentSecurityPolicy: { directives: pagePolicy }, hsts: false });
      apiPageRoutes(pages);
      guidePageRoutes(pages);
    });
    const offered = new Set(services.map(({ backend }) => backend));
    consoleRoutes(app, {
      session: consoleSession({ signIn, offered, payloads: options.payloads }),
      stackControlFile: options.stackControlFile,
    });
    await app.register(restRoutes, rest);
    return takeRest(rest);
  };
}

function isPage({ routeOptions }: FastifyRequest): boolean {
  const { url } = routeOptions;
  return url !== undefined && (url === "/" || url.startsWith("/docs") || url.startsWith("/console/"));
}

/** The headers that identify a call's caller; a refused call is logged with the others. */
function callHeader(headers: RestRequest["headers"]): [string, string][] {
  return ["authorization", requestIdHeader, "traceparent"].flatMap((name) => {
    const value = headers[name];
    return typeof value === "string" ? [[name, value] as [string, string]] : [];
  });
}

/** Caches the result of the first call. A failure is not cached. */
function memoized<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** For pages: helmet's default policy without the upgrade to https, which a gateway without TLS cannot serve. */
const pagePolicy = { upgradeInsecureRequests: null };

const corsRules = {
  methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
  allowedHeaders: [
    ...connectCors.allowedHeaders,
    "authorization",
    "if-match",
    "if-none-match",
    "last-event-id",
    "baggage",
    "traceparent",
    "tracestate",
    "x-request-id",
    "x-server-timeout",
  ],
  exposedHeaders: [...connectCors.exposedHeaders, "etag", "location", "retry-after", "x-request-id", "x-trace-id"],
  // Two hours: Chromium caches a preflight no longer.
  maxAge: 7_200,
  strictPreflight: false,
};
