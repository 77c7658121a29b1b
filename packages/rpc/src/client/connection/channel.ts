import type { ConnectError } from "@connectrpc/connect";
import type { BackoffOptions } from "../../environment/backoff.ts";
import type { ClientDefaults } from "../../environment/connections/client-defaults.ts";
import type { TlsSource } from "../../environment/connections/tls-files.ts";
import type { Connection, ConnectionOptions } from "./client-connection.ts";
import type { Target } from "./resolution/target.ts";

/** A call that waits for a connection. */
export interface ConnectionWaiter {
  /** Its turn has come. The connection has counted the call in already. */
  onConnection(connection: Connection): void;
  /** No connection can be had. Nothing was sent. */
  onUnreachable(error: ConnectError): void;
}

export interface ChannelOptions extends ConnectionOptions, ClientDefaults {
  readonly backoff?: BackoffOptions;
  /** How many calls may wait for a connection, or for the peer's limit of concurrent calls. Default 4,096. */
  readonly queueLengthMax?: number;
  /** When one of several addresses is set aside. False: never for failures. Default: see {@link OutlierOptions}. */
  readonly outlierEjection?: OutlierOptions | false;
  /** How long an address that has come up, or come back, gets less than its share of calls, in milliseconds. 0: not at all. Default 10,000. */
  readonly slowStartMs?: number;
  /** Where the machine's search domains are. Default /etc/resolv.conf. */
  readonly resolvConfFile?: string;
}

/**
 * When an address is set aside for its failures (the shape of gRPC's proposal A50, failure percentage). Why not A50's numbers: docs/discovery.md.
 */
export interface OutlierOptions {
  /** How often the addresses are compared, in milliseconds. Default 500. */
  readonly intervalMs?: number;
  /** The fewest calls of an address that are judged; fewer are kept for the next interval. Default 5. */
  readonly callsMin?: number;
  /** The share of failed calls from which an address is set aside, if it is also twice that of the others. Default 0.5. */
  readonly failureRatio?: number;
  /** How long it is set aside the first time, in milliseconds. Each time in a row adds as much. Default 2,000. */
  readonly baseEjectionMs?: number;
  /** The longest time, in milliseconds. Default 30,000. */
  readonly ejectionMaxMs?: number;
  /** The largest share of the addresses that may be set aside at once; one always may where there are two. Default 0.5. */
  readonly ejectedShareMax?: number;
}

/** The way to a target: which of its connections a call goes to. Calls that come while none is there wait for one. */
export interface Channel {
  readonly target: Target;
  /** Where connections take their certificates from. Undefined for the system's. */
  readonly tls: TlsSource | undefined;
  /** Whether calls are spread over all addresses. */
  readonly isBalanced: boolean;
  /** The connection for a new call, which it counts in; undefined if the call has to {@link wait}. */
  acquire(): Connection | undefined;
  /**
   * Gives a connection back once its call has ended.
   *
   * @param failed whether the call speaks against this server, or the way to it
   */
  release(connection: Connection, failed?: boolean): void;
  /** Calls the waiter back, later or at once, exactly one of its two methods, unless it is forgotten before. */
  wait(waiter: ConnectionWaiter): void;
  /** Takes a waiter out of the queue. */
  forget(waiter: ConnectionWaiter): void;
  /** Ends all connections once their calls have ended, and fails what waits. */
  close(): void;
}
