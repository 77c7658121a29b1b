import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ContextValues, ServiceImpl, Transport } from "@connectrpc/connect";
import type { TelemetryService } from "@parley/gen/rpc/v1/telemetry_pb.js";
import type { FastifyInstance, RouteOptions } from "fastify";
import type { JSONWebKeySet } from "jose";
import type { AnyRequest, AnyResponse } from "../http/http-messages.ts";
import type { TrustedProxies } from "../http/trusted-proxies.ts";
import type { CountCall } from "./caller-check.ts";

/** A contract and its implementation. Created by {@link implement}. */
export interface ServiceEntry {
  readonly service: DescService;
  readonly implementation: Partial<ServiceImpl<DescService>>;
}

/** Pairs a contract with its implementation. A declared method without an implementation is a type error. */
export function implement<S extends DescService>(service: S, implementation: ServiceImpl<S>): ServiceEntry {
  return { service, implementation: implementation as Partial<ServiceImpl<DescService>> };
}

/** Like {@link implement}, for test doubles. Missing methods return UNIMPLEMENTED. */
export function implementPartly<S extends DescService>(
  service: S,
  implementation: Partial<ServiceImpl<S>>,
): ServiceEntry {
  return { service, implementation: implementation as Partial<ServiceImpl<DescService>> };
}

/** A service of the platform. Errors for calls to the wrong service name it. */
export interface DirectoryEntry {
  readonly name: string;
  /** The full names of its contracts, for example `order.v1.OrderService`. */
  readonly contracts: readonly string[];
  /** Its default port. If this server runs at an offset from its own default port, the same offset applies. */
  readonly port: number;
}

/**
 * The services of one process: their contracts, start and stop. The same module runs behind a port (`serve`) and inside
 * one process with others (`rpc/testing`).
 */
export interface ServiceModule {
  readonly entries: readonly ServiceEntry[];
  /**
   * Looks up owners, by the kind of resource in `owner_of` of the contract's `access` option. Each function maps a resource's id to
   * its owner's user id, or to undefined if the id is unknown.
   */
  readonly owners?: Readonly<Record<string, (id: string) => Promise<string | undefined>>>;
  /**
   * Whether callers without a token may call the methods that the contract opens to guests (`guests` of its `access` option), with an empty owner
   * field. Default: false.
   */
  readonly guests?: boolean;
  /**
   * Calls back with the problem when a required dependency, for example the module's database, becomes unavailable, and with undefined when
   * it is available again. In between, health reports NOT_SERVING. The result unsubscribes.
   */
  readonly onReachable?: ((callback: (problem: Error | undefined) => void) => () => void) | undefined;
  /**
   * A rate limit: counts a call before its role is checked and its body is decoded, so that refused and invalid calls count too. Throws
   * for calls above the limit.
   */
  readonly rate?: CountCall;
  /**
   * The domain of the reasons in the module's errors (`google.rpc.ErrorInfo.domain`), for example `shop.example.com`. Default: the package of
   * the called method's contract.
   */
  readonly reasonDomain?: string;
  /**
   * The page that describes the module's reasons, one section each, for example `https://shop.example.com/errors`. Errors then carry a link to
   * their reason's section (`google.rpc.Help`). Default: none. `ServerConfig.errorHelpUrl` overrides it.
   */
  readonly errorHelpUrl?: string;
  /** The platform's services and their contracts, so that an error for a wrong service can name the right one. Default: unknown. */
  readonly directory?: readonly DirectoryEntry[];
  /** The public keys of the tokens that the module issues, if any. Calls to the module are verified with them. */
  readonly publishedKeys?: () => Promise<JSONWebKeySet>;
  /** The proxies in front of the server, whose `x-forwarded-for` names the client. None by default. */
  readonly trustedProxies?: TrustedProxies | undefined;
  /** Routes for requests that are not RPC calls, for example the public keys of tokens. */
  readonly httpRoutes?: readonly RouteOptions[];
  /**
   * Adds hooks and routes to the server's Fastify instance, before all others. `local` calls this module in the process, through
   * the server's pipeline. If there is a plugin, cross-origin calls (with an `origin` header) go through Fastify too, so that its
   * hooks can answer them. If the plugin returns a handler, it is called before Fastify, for requests that are not unary calls.
   */
  readonly httpPlugin?: (app: FastifyInstance, local: LocalCalls) => Promise<TakeRequest | undefined>;
  /** Serves `rpc.v1.TelemetryService` for other processes too, built on this process's own. */
  readonly telemetry?: (own: ServiceImpl<typeof TelemetryService>) => ServiceImpl<typeof TelemetryService>;
  /** Runs before the server listens, for example to start recovery. */
  start?(): Promise<void>;
  /** Stops background work, then closes databases. Called after the last call was answered. */
  stop?(): Promise<void>;
}

/** Handles a request, or returns false and leaves it untouched. */
export type TakeRequest = (request: AnyRequest, response: AnyResponse) => boolean;

/** Calls methods in the same process, through the server's pipeline. */
export interface LocalCalls extends Transport {
  /**
   * Authenticates and authorizes a call by its headers, before its request is read. Rejects with the call's error if it is refused.
   * A refused call is logged and counted like others. Does nothing if the server has no access control.
   */
  admit(method: DescMethod, start: LocalCallStart): Promise<void>;
}

/** The parts of a call that are known before its request is read. */
export interface LocalCallStart {
  readonly header: ConstructorParameters<typeof Headers>[0];
  readonly contextValues?: ContextValues | undefined;
}
