import type { Socket } from "node:net";
import type { Http2Implementation, ReadTurns } from "@parley/http2";
import { addressGroup } from "../../call/address-group.ts";
import type { TlsMaterial } from "../../environment/connections/tls-files.ts";
import type { Environment } from "../../environment/environment.ts";
import type { UnfinishedBodies } from "../buffers/unfinished-bodies.ts";
import type { UnsentAnswers } from "../buffers/unsent-answers.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import type { HostCheck } from "../http/host-check.ts";
import type { RequestHandler } from "../http/http-messages.ts";
import type { TrustedConnections } from "../http/trusted-connections.ts";
import type { RpcPath } from "../wire/rpc-path.ts";
import type { ConnectionRefusal } from "./refusing/connection-refusals.ts";
import type { QuickRefusal } from "./refusing/quick-refusal.ts";

export interface ListenerOptions {
  readonly limits: ServerLimits;
  readonly tls?: TlsMaterial | undefined;
  readonly handle: RequestHandler;
  /** Gets each request first. `handle` gets the requests that it does not handle. */
  readonly path?: RpcPath | undefined;
  /** Refuses calls under load, before {@link path} gets them. */
  readonly quickRefusal?: QuickRefusal | undefined;
  /** The HTTP/2 implementation: this runtime's own, which is the default, or `node:http2`. */
  readonly http2?: Http2Implementation | undefined;
  /** The allowed hosts of requests. Any by default. */
  readonly hostCheck?: HostCheck | undefined;
  /** The connections that carry calls of many callers. None by default. */
  readonly trustedConnections?: TrustedConnections | undefined;
  /** Whether this is the address of a trusted proxy. Connection limits for an address do not apply to it. */
  readonly isTrusted?: ((address: string) => boolean) | undefined;
  readonly environment: Pick<Environment, "clock" | "log" | "metrics" | "random">;
}

/** The options and the state that the HTTP/1.1 and HTTP/2 sides of a listener share. */
export interface HttpOptions extends Omit<ListenerOptions, "tls"> {
  readonly state: { readonly draining: boolean };
  readonly unsent: UnsentAnswers;
  readonly bodies: UnfinishedBodies;
  /** Divides the time of an event-loop turn between connections. */
  readonly turns: ReadTurns;
  /** Counts and logs a connection that was closed at a limit. */
  readonly onRefused: (refusal: ConnectionRefusal, address: string) => void;
  /** The connection has received a request. */
  markActive(socket: Socket): void;
}

/** All connections of one address group share one part of each event-loop turn. */
export function turnGroupOf(socket: Socket): string {
  return addressGroup(socket.remoteAddress ?? "unknown");
}
