import type { DescService } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, type Transport } from "@connectrpc/connect";
import { isExposed, methodPolicy } from "@parley/contract";
import type { SharedLimits } from "@parley/events/limits";
import { Health } from "@parley/gen/health/v1/health_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { TelemetryService } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { platform } from "@parley/gen/services.js";
import type { Environment } from "@parley/rpc";
import { ConnectionPool, createServiceClient } from "@parley/rpc/client";
import type { LocalCalls, ServiceModule, TrustedProxies } from "@parley/rpc/server";
import { createBackendHealth } from "./backend-health.ts";
import { CallLanes } from "./call-lanes.ts";
import { forward } from "./forward.ts";
import { createIngress } from "./ingress.ts";
import { createRateLimit } from "./limits/rate-limit.ts";
import { createLiveService } from "./live/live-service.ts";
import { createProductCache } from "./product-cache.ts";
import { type BackendName, type PublicService, publicServices } from "./public-services.ts";
import { StreamChannels } from "./stream-channels.ts";
import { mergedTelemetry } from "./telemetry/merged-telemetry.ts";
import { MergedWatches } from "./telemetry/merged-watches.ts";
import { createTelemetrySources } from "./telemetry/telemetry-sources.ts";

export interface GatewayModuleOptions {
  readonly environment: Environment;
  /** The address of each process: a URL, or a transport. Missing ones are not offered. */
  readonly backends: Readonly<Partial<Record<BackendName, string | Transport>>>;
  /** The most requests of one caller per minute. Default 6,000: 100 a second, in bursts. 0: no limit. */
  readonly requestsPerMinuteMax?: number;
  /** Trusted proxies, whose `x-forwarded-for` names the client. Default: none. */
  readonly trustedProxies?: TrustedProxies | undefined;
  /** Whether callers must sign in where the contract requires it, for the API's description. Default: true. */
  readonly signIn?: boolean;
  /** Whether callers without a token may place orders without a user. Default: false. */
  readonly guestOrders?: boolean;
  /** The currency of numbers in REST requests that stand for an amount of money. Default: USD. */
  readonly defaultCurrency?: string;
  /** The origins whose scripts may read responses, see `corsOrigins`. Default: the gateway's own and localhost. */
  readonly corsOrigins?: readonly string[];
  /** Whether telemetry records headers and payloads of calls, for the console. Default: false. */
  readonly payloads?: boolean;
  /** The page that errors link to, or "off". Default: the platform's. */
  readonly errorHelpUrl?: string | undefined;
  /** The connections to each service shared by callers with many concurrent calls. Default 3. 0: all callers share one connection. */
  readonly busyConnections?: number;
  /** The file with the address and token of `parley up`, with which the console starts and stops services. Default: none. */
  readonly stackControlFile?: string | undefined;
  /** Counts callers' requests with all replicas. Closed when the module stops. Default: this process counts alone. */
  readonly limits?: SharedLimits | undefined;
}

/** The gateway's module: every public method of the platform, over REST and RPC, on one port. */
export function createGatewayModule(options: GatewayModuleOptions): ServiceModule {
  const {
    environment,
    backends,
    requestsPerMinuteMax = 6_000,
    trustedProxies,
    signIn = true,
    guestOrders = false,
    defaultCurrency = "USD",
    corsOrigins = ["localhost"],
    errorHelpUrl = platform.errorHelpUrl,
    busyConnections = 3,
    limits,
  } = options;
  // The gateway calls with its caller's token, never with its own: that would give every caller the rights of a service.
  const { identity, ...withoutIdentity } = environment;
  const { clock } = environment;
  const rateLimit = createRateLimit({ clock, requestsPerMinuteMax, proxies: trustedProxies, shared: limits });
  const products = createProductCache(environment);
  const offered = publicServices.filter(({ backend }) => backends[backend] !== undefined);
  const health = new Map<BackendName, Client<typeof Health>>();

  // Each kind of connection has its own circuit breaker: failures of one do not open the others.
  const channels = { calls: withoutIdentity, busy: { ...withoutIdentity }, streams: { ...withoutIdentity } };

  function client<S extends DescService>(
    service: S,
    backend: BackendName,
    {
      channel = "calls",
      pool,
    }: { readonly channel?: keyof typeof channels; readonly pool?: ConnectionPool | undefined } = {},
  ): Client<S> {
    const caches = backend === "product" || backend === "order";
    const target = backends[backend] as string | Transport;
    return createServiceClient(service, target, {
      environment: channels[channel],
      callerName: "gateway",
      ...(channel === "calls" || typeof target !== "string" ? {} : { targetName: `${target} (${channel})` }),
      ...(pool === undefined ? {} : { pool }),
      ...(caches && (service as DescService) !== Health ? { interceptors: [products.interceptor] } : {}),
    });
  }

  /** Telemetry calls have their own circuit breaker, metrics and connections, and are not recorded. */
  const telemetryEnvironment = { ...withoutIdentity, recorder: undefined };
  const telemetryPool = new ConnectionPool(environment);
  const connect = (name: string, target: string | Transport) =>
    createServiceClient(TelemetryService, target, {
      environment: telemetryEnvironment,
      callerName: "gateway",
      pool: telemetryPool,
      targetName: `telemetry:${name}`,
    });

  for (const { backend } of offered) {
    health.set(backend, client(Health, backend));
  }
  const streams = new StreamChannels(environment);
  const lanes = new CallLanes({ environment, busyConnections });
  const streamClient = <S extends DescService>(service: S, backend: BackendName) =>
    streams.clients((pool) => client(service, backend, { channel: "streams", pool }));
  const stopping = new AbortController();
  const backendStates = createBackendHealth(health, environment.clock);
  const ingress = createIngress({
    environment,
    services: offered,
    rateLimit,
    backendStates,
    signIn,
    guests: guestOrders,
    defaultCurrency,
    corsOrigins,
    payloads: options.payloads ?? false,
    errorHelpUrl: errorHelpUrl === "off" ? undefined : errorHelpUrl,
    stackControlFile: options.stackControlFile,
  });
  let localCalls: LocalCalls | undefined;
  const { addressOf } = rateLimit;
  const sources = createTelemetrySources({
    backends: backends as Readonly<Record<string, string | Transport>>,
    connect,
  });
  const watches = new MergedWatches({ sources, clock: environment.clock });
  return {
    telemetry: (own) => mergedTelemetry({ own, sources, watches }),
    // No service directory: it would publish the addresses of the services behind the gateway.
    reasonDomain: platform.reasonDomain,
    errorHelpUrl: platform.errorHelpUrl,
    trustedProxies,
    entries: [
      ...offered.map(({ service, backend }) =>
        forward(service, {
          client: lanes.clients((pool) => client(service, backend, pool && { channel: "busy", pool })),
          offers: isExposed,
          streamClient: streamClient(service, backend),
          identity,
          addressOf,
        }),
      ),
      createLiveService({ environment, addressOf, backendStates, local: () => opened(localCalls) }),
    ],
    rate: rateLimit.count,
    guests: guestOrders,
    // Only the owning service knows an owner, and checks the call again. The gateway refuses no call for its owner.
    owners: Object.fromEntries(ownedKinds(offered).map((kind) => [kind, async () => undefined])),
    httpPlugin(app, local) {
      localCalls = local;
      return ingress(app, local);
    },
    async start() {
      if (backends.product !== undefined) {
        void products.watch(streamClient(InventoryService, "product")(), stopping.signal);
      }
    },
    async stop() {
      stopping.abort();
      streams.close();
      lanes.close();
      telemetryPool.close();
      limits?.close();
    },
  };
}

function opened(local: LocalCalls | undefined): LocalCalls {
  if (local === undefined) {
    throw new ConnectError("the gateway is starting", Code.Unavailable);
  }
  return local;
}

/** The kinds of resource in `owner_of` of the contracts' `access` options. */
function ownedKinds(offered: readonly PublicService[]): readonly string[] {
  const methods = offered.flatMap(({ service }) => service.methods);
  return methods.map((method) => methodPolicy(method).access.ownerOf).filter((kind) => kind !== "");
}
