import type { ConnectError } from "@connectrpc/connect";
import type { BackoffOptions } from "../../environment/backoff.ts";
import type { ClientDefaults } from "../../environment/connections/client-defaults.ts";
import type { TlsSource } from "../../environment/connections/tls-files.ts";
import type { AddressReport } from "../../telemetry/dependencies.ts";
import type { Connection, ConnectionOptions } from "./client-connection.ts";
import type { Target } from "./resolution/target.ts";

/** A call that waits for a connection. */
export interface ConnectionWaiter {
  /** It gets a connection, which has counted the call already. */
  onConnection(connection: Connection): void;
  /** No connection is available. Nothing was sent. */
  onUnreachable(error: ConnectError): void;
}

export interface ChannelOptions extends ConnectionOptions, ClientDefaults {
  readonly backoff?: BackoffOptions;
  /** The most calls that wait for a connection, or for the peer's limit of concurrent streams. Default 4,096. */
  readonly queueLengthMax?: number;
  /** Ejection of one of several addresses. False: never for failures. Default: see {@link OutlierOptions}. */
  readonly outlierEjection?: OutlierOptions | false;
  /** The slow start of a new or restored address, in milliseconds: it gets less than its share of calls. 0: none. Default 10,000. */
  readonly slowStartMs?: number;
  /** The file with the machine's search domains. Default /etc/resolv.conf. */
  readonly resolvConfFile?: string;
}

/**
 * Ejection of an address for failures (in the form of gRPC's proposal A50, failure percentage). Why not A50's numbers: docs/discovery.md.
 */
export interface OutlierOptions {
  /** The interval of comparisons, in milliseconds. Default 500. */
  readonly intervalMs?: number;
  /** The fewest calls of an address for an evaluation; fewer are carried over. Default 5. */
  readonly callsMin?: number;
  /** The failure share from which an address is ejected, if it is also twice that of the others. Default 0.5. */
  readonly failureRatio?: number;
  /** The time of the first ejection, in milliseconds. Each consecutive one adds as much. Default 2,000. */
  readonly baseEjectionMs?: number;
  /** The longest time, in milliseconds. Default 30,000. */
  readonly ejectionMaxMs?: number;
  /** The largest share of the addresses that may be ejected at once; of two or more always one. Default 0.5. */
  readonly ejectedShareMax?: number;
}

/** Selects connections to a target for calls. Calls without a connection wait for one. */
export interface Channel {
  readonly target: Target;
  /** The source of the connections' certificates. Undefined for the system's. */
  readonly tls: TlsSource | undefined;
  /** Whether calls are spread over all addresses. */
  readonly isBalanced: boolean;
  /** The addresses that are known, and whether calls go to them. */
  addresses(): readonly AddressReport[];
  /** The connection for a new call, which it counts; undefined if the call has to {@link wait}. */
  acquire(): Connection | undefined;
  /**
   * Returns a connection once its call has ended.
   *
   * @param failed whether the call counts against this server, or the path to it
   */
  release(connection: Connection, failed?: boolean): void;
  /** Calls the waiter back, later or at once, by exactly one of its two methods, unless it is removed before. */
  wait(waiter: ConnectionWaiter): void;
  /** Removes a waiter from the queue. */
  forget(waiter: ConnectionWaiter): void;
  /** Closes all connections once their calls have ended, and fails waiting calls. */
  close(): void;
}
