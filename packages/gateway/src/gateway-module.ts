import type { DescService } from "@bufbuild/protobuf";
import type { Client, Transport } from "@connectrpc/connect";
import { isExposed, methodPolicy } from "@parley/contract";
import { Health } from "@parley/gen/health/v1/health_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { platform } from "@parley/gen/services.js";
import type { Environment } from "@parley/rpc";
import { type ConnectionPool, createServiceClient } from "@parley/rpc/client";
import type { ServiceModule, TrustedProxies } from "@parley/rpc/server";
import { createBackendHealth } from "./backend-health.ts";
import { openDoor } from "./door.ts";
import { forward } from "./forward.ts";
import { createRateLimit } from "./limits/rate-limit.ts";
import { createProductCache } from "./product-cache.ts";
import { type BackendName, type PublicService, publicServices } from "./public-services.ts";
import { StreamChannels } from "./stream-channels.ts";

export interface GatewayModuleOptions {
  readonly environment: Environment;
  /** Where each process is: a URL, or a transport. What is left out is not offered. */
  readonly backends: Readonly<Partial<Record<BackendName, string | Transport>>>;
  /** The most that one caller may ask for in a minute. Default 6,000: 100 a second, in bursts. 0: no limit. */
  readonly requestsPerMinuteMax?: number;
  /** The proxies in front, whose `x-forwarded-for` names the client. Default: none. */
  readonly trustedProxies?: TrustedProxies | undefined;
  /** Whether callers have to sign in where the contract says so: told in the API's description. Default: true. */
  readonly signIn?: boolean;
  /** The pages whose scripts may read answers, see `corsOrigins`. Default: the gateway's own pages and those on localhost. */
  readonly corsOrigins?: readonly string[];
  /** The page that errors link to, or "off". Default: the platform's. */
  readonly errorHelpUrl?: string | undefined;
}

/** The public door: every public method of the platform, by REST and by RPC, on one port. */
export function createGatewayModule(options: GatewayModuleOptions): ServiceModule {
  const {
    environment,
    backends,
    requestsPerMinuteMax = 6_000,
    trustedProxies,
    signIn = true,
    corsOrigins = ["localhost"],
    errorHelpUrl = platform.errorHelpUrl,
  } = options;
  // What the door calls with is its caller's own token, and never its own: that would give everybody the rights of a service.
  const { identity, ...nameless } = environment;
  const rateLimit = createRateLimit({ clock: environment.clock, requestsPerMinuteMax, proxies: trustedProxies });
  const products = createProductCache(environment);
  const offered = publicServices.filter(({ backend }) => backends[backend] !== undefined);
  const health = new Map<BackendName, Client<typeof Health>>();

  function client<S extends DescService>(service: S, backend: BackendName, pool?: ConnectionPool): Client<S> {
    const caches = backend === "product" || backend === "order";
    const target = backends[backend] as string | Transport;
    return createServiceClient(service, target, {
      environment: nameless,
      callerName: "gateway",
      ...(pool === undefined ? {} : { pool }),
      ...(caches && (service as DescService) !== Health ? { interceptors: [products.interceptor] } : {}),
    });
  }

  for (const { backend } of offered) {
    health.set(backend, client(Health, backend));
  }
  const streams = new StreamChannels(environment);
  const streamClient = <S extends DescService>(service: S, backend: BackendName) =>
    streams.clients((pool) => client(service, backend, pool));
  const stopping = new AbortController();
  return {
    // Where the services behind it are is not told to the world: no directory.
    reasonDomain: platform.reasonDomain,
    errorHelpUrl: platform.errorHelpUrl,
    trustedProxies,
    entries: offered.map(({ service, backend }) =>
      forward(service, client(service, backend), {
        offers: isExposed,
        streamClient: streamClient(service, backend),
        identity,
        addressOf: rateLimit.addressOf,
      }),
    ),
    rate: rateLimit.count,
    // Only the service that has a thing knows its owner, and checks the call again. The gateway refuses no call for its owner.
    owners: Object.fromEntries(ownedKinds(offered).map((kind) => [kind, async () => undefined])),
    httpPlugin: openDoor({
      environment,
      services: offered,
      rateLimit,
      backendStates: createBackendHealth(health, environment.clock),
      signIn,
      corsOrigins,
      errorHelpUrl: errorHelpUrl === "off" ? undefined : errorHelpUrl,
    }),
    async start() {
      if (backends.product !== undefined) {
        void products.watch(streamClient(InventoryService, "product")(), stopping.signal);
      }
    },
    async stop() {
      stopping.abort();
      streams.close();
    },
  };
}

/** The kinds of thing that `owner_of` of the contracts' `access` options names. */
function ownedKinds(offered: readonly PublicService[]): readonly string[] {
  const methods = offered.flatMap(({ service }) => service.methods);
  return methods.map((method) => methodPolicy(method).access.ownerOf).filter((kind) => kind !== "");
}
