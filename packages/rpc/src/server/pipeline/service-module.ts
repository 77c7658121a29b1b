import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ContextValues, ServiceImpl, Transport } from "@connectrpc/connect";
import type { TelemetryService } from "@parley/gen/rpc/v1/telemetry_pb.js";
import type { FastifyInstance, RouteOptions } from "fastify";
import type { JSONWebKeySet } from "jose";
import type { AnyRequest, AnyResponse } from "../http/http-messages.ts";
import type { TrustedProxies } from "../http/trusted-proxies.ts";
import type { CountCall } from "./caller-check.ts";

/** A contract and what stands behind it. Made by {@link implement}. */
export interface ServiceEntry {
  readonly service: DescService;
  readonly implementation: Partial<ServiceImpl<DescService>>;
}

/** Pairs a contract with its implementation. A method that is declared and not implemented is a type error. */
export function implement<S extends DescService>(service: S, implementation: ServiceImpl<S>): ServiceEntry {
  return { service, implementation: implementation as Partial<ServiceImpl<DescService>> };
}

/** As {@link implement}, for stand-ins in tests: methods left out answer UNIMPLEMENTED. */
export function implementPartly<S extends DescService>(
  service: S,
  implementation: Partial<ServiceImpl<S>>,
): ServiceEntry {
  return { service, implementation: implementation as Partial<ServiceImpl<DescService>> };
}

/** A service that others may look for here. */
export interface DirectoryEntry {
  readonly name: string;
  /** The full names of its contracts, for example `order.v1.OrderService`. */
  readonly contracts: readonly string[];
  /** Its port, where the one of the server itself is that of its own entry. Where all are moved by as much, so is this. */
  readonly port: number;
}

/**
 * Everything that one process serves: its contracts, and its life. The same module runs behind a port (`serve`) and inside
 * one process with others (`rpc/testing`).
 */
export interface ServiceModule {
  readonly entries: readonly ServiceEntry[];
  /**
   * Whose a thing is, by the kind of thing that `owner_of` of the contract's `access` option names: given its id, answers
   * the owner's user id, or undefined if there is no such thing.
   */
  readonly owners?: Readonly<Record<string, (id: string) => Promise<string | undefined>>>;
  /**
   * Calls back when what the module cannot do without, its database for example, cannot be reached, with the problem, and with undefined when
   * it can be again: meanwhile health says NOT_SERVING. The answer ends it.
   */
  readonly onReachable?: ((callback: (problem: Error | undefined) => void) => () => void) | undefined;
  /**
   * A rate limit: counts a call before its role is checked and its body is decoded, so that refused and invalid calls count too. Throws
   * where it is one too many.
   */
  readonly rate?: CountCall;
  /**
   * The domain of the reasons in the module's errors (`google.rpc.ErrorInfo.domain`), for example `shop.example.com`. Default: the package of
   * the called method's contract.
   */
  readonly reasonDomain?: string;
  /**
   * The page that describes the module's reasons, one section each, for example `https://shop.example.com/errors`. Errors then carry a link to
   * their reason's section (`google.rpc.Help`). Default: none. `ServerConfig.errorHelpUrl` comes first.
   */
  readonly errorHelpUrl?: string;
  /** Which service serves which contracts, so that a call that came to the wrong one is told where to go. Default: nothing is known. */
  readonly directory?: readonly DirectoryEntry[];
  /** The public keys of the tokens that the module gives out, where it does: its own calls are checked with them. */
  readonly publishedKeys?: () => Promise<JSONWebKeySet>;
  /** The proxies in front of the server, whose `x-forwarded-for` names the client. None by default. */
  readonly trustedProxies?: TrustedProxies | undefined;
  /** Routes for what is not a call, for example the public keys that check tokens. */
  readonly httpRoutes?: readonly RouteOptions[];
  /**
   * Adds hooks and routes to the server's Fastify instance before anything else does. `local` makes calls to this module as
   * if they came from outside, with all that the server does around a call. With it, calls that browsers make from other
   * pages (those with an `origin`) go through Fastify too, so that its hooks can answer them. What it answers, if anything, is
   * asked before Fastify is, for requests that are no unary calls.
   */
  readonly httpPlugin?: (app: FastifyInstance, local: LocalCalls) => Promise<TakeRequest | undefined>;
  /** Returns `rpc.v1.TelemetryService` for other processes too: made from what answers for this one. */
  readonly telemetry?: (own: ServiceImpl<typeof TelemetryService>) => ServiceImpl<typeof TelemetryService>;
  /** Work before the port listens, for example starting recovery. */
  start?(): Promise<void>;
  /** Ends background work. Called after the last call was answered. Databases are closed here, last. */
  stop?(): Promise<void>;
}

/** Takes a request and answers it, or says false and leaves it untouched. */
export type TakeRequest = (request: AnyRequest, response: AnyResponse) => boolean;

/** Calls of methods in the same process, with all that the server does around a call. */
export interface LocalCalls extends Transport {
  /**
   * Checks a call's caller by its headers, before its request is read: identity and role. Rejects with the call's error if it is refused;
   * the refused call is logged and counted as any other. Does nothing where callers need not sign in.
   */
  admit(method: DescMethod, start: LocalCallStart): Promise<void>;
}

/** What is known of a call before its request is read. */
export interface LocalCallStart {
  readonly header: ConstructorParameters<typeof Headers>[0];
  readonly contextValues?: ContextValues | undefined;
}
