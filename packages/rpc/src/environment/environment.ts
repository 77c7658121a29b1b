import type { Http2Implementation } from "@parley/http2";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Clock } from "./clock.ts";
import type { ClientDefaults } from "./connections/client-defaults.ts";
import type { SpanRecorder } from "./spans/span-recorder.ts";

/** Proves to other services which service calls them. */
export interface ServiceIdentity {
  /** The service's name. */
  readonly name: string;
  /**
   * A signed token for calls to one contract, which stays valid for the length of a call. Undefined if the service's TLS certificate proves it.
   *
   * @param audience the contract's full name, for example `order.v1.OrderService`: the token is refused everywhere else.
   */
  token(audience: string): string | undefined;
  /** A signed token with which a gateway proves to a contract's service that it forwarded a call. It gives no rights. */
  forwarderToken(audience: string): string | undefined;
}

/** What a service needs of the world around it, passed in so that a simulation can stand in for all of it. */
export interface Environment {
  readonly clock: Clock;
  /** A new id: a UUIDv7 (RFC 9562, section 5.7), so that ids sort by the time they were made. */
  newId(): string;
  /** A number from 0 up to but not including 1. */
  random(): number;
  readonly log: Logger;
  /** Where the process's metrics are kept (Prometheus). */
  readonly metrics: Registry;
  /** Keeps the spans of calls. Without it none is made. */
  readonly recorder?: SpanRecorder | undefined;
  /** Proves to other services which one calls. Without it calls carry on only what their own caller showed. */
  readonly identity?: ServiceIdentity;
  /** Whose HTTP/2 connections servers and clients use unless their own options say otherwise. The runtime's own by default. */
  readonly http2?: Http2Implementation;
  /** How clients connect and balance unless they are told otherwise. */
  readonly clientDefaults?: ClientDefaults;
}
