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
  /** Asked first. What it does not take goes to `handle`. */
  readonly path?: RpcPath | undefined;
  /** Refuses calls under load, before {@link path} is asked. */
  readonly quickRefusal?: QuickRefusal | undefined;
  /** Whose HTTP/2 connections: this runtime's own, which is the default, or those of `node:http2`. */
  readonly http2?: Http2Implementation | undefined;
  /** Which hosts requests may be for. Any by default. */
  readonly hostCheck?: HostCheck | undefined;
  /** The connections that bring the calls of many callers. None by default. */
  readonly trustedConnections?: TrustedConnections | undefined;
  /** Whether an address has no share of its own of the connections: a proxy in front. */
  readonly isTrusted?: ((address: string) => boolean) | undefined;
  readonly environment: Pick<Environment, "clock" | "log" | "metrics" | "random">;
}

/** What the two HTTP versions share of a listener. */
export interface HttpOptions extends Omit<ListenerOptions, "tls"> {
  readonly state: { readonly draining: boolean };
  readonly unsent: UnsentAnswers;
  readonly bodies: UnfinishedBodies;
  /** How connections share a turn of the event loop. */
  readonly turns: ReadTurns;
  /** Counts and logs a connection that is closed at a limit. */
  readonly onRefused: (refusal: ConnectionRefusal, address: string) => void;
  /** The connection has brought a request. */
  spoke(socket: Socket): void;
}

/** Connections of one address share a part of the turns of the event loop. */
export function turnGroupOf(socket: Socket): string {
  return addressGroup(socket.remoteAddress ?? "unknown");
}
