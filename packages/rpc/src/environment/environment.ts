import type { Http2Implementation } from "@parley/http2";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Clock } from "./clock.ts";
import type { ClientDefaults } from "./connections/client-defaults.ts";
import type { SpanRecorder } from "./spans/span-recorder.ts";

/** Authenticates this service to other services. */
export interface ServiceIdentity {
  /** The service's name. */
  readonly name: string;
  /**
   * A signed token for calls to one contract, which stays valid for the length of a call. Undefined if the service's TLS certificate proves it.
   *
   * @param audience the contract's full name, for example `order.v1.OrderService`: the token is refused everywhere else.
   */
  token(audience: string): string | undefined;
  /** A signed token with which a gateway vouches to a contract's service for a forwarded call. It gives no rights. */
  forwarderToken(audience: string): string | undefined;
}

/** A service's dependencies on the outside world, passed in so that a simulation can replace all of them. */
export interface Environment {
  readonly clock: Clock;
  /** A new id: a UUIDv7 (RFC 9562, section 5.7), so that ids sort by creation time. */
  newId(): string;
  /** A number in [0, 1). */
  random(): number;
  readonly log: Logger;
  /** The registry of the process's metrics (Prometheus). */
  readonly metrics: Registry;
  /** Records the spans of calls. Without it none is created. */
  readonly recorder?: SpanRecorder | undefined;
  /** Authenticates this service to other services. Without it calls carry only their caller's credentials. */
  readonly identity?: ServiceIdentity;
  /** The HTTP/2 implementation of servers and clients, unless their own options name one. The runtime's own by default. */
  readonly http2?: Http2Implementation;
  /** The defaults of clients for connecting and balancing. */
  readonly clientDefaults?: ClientDefaults;
}
