import type { TlsFiles } from "./tls-files.ts";

/** The balancing policies of a client with several addresses. */
export type BalancingPolicy = "pick_first" | "round_robin" | "least_request";

/** The defaults of a process's clients. A service reads them from its settings. */
export interface ClientDefaults {
  /** Default: `pick_first` for one URL, `least_request` for several addresses. */
  readonly balancing?: BalancingPolicy | undefined;
  /** The longest time between two resolutions of a name, in milliseconds. A shorter TTL makes it shorter, to 1 s at least. Default 10,000. */
  readonly resolveIntervalMs?: number | undefined;
  /** Whether servers' health is watched (gRPC's proposal A17), with balancing policies other than `pick_first`. Default true. */
  readonly healthWatch?: boolean | undefined;
  /** The most connections to one address, opened when the server's limit of concurrent streams is reached. Default 1 with `pick_first`, 4 else. */
  readonly connectionsMax?: number | undefined;
  /** The certificates of this side, and the trusted CAs. Default: none, and the system's authorities. */
  readonly tlsFiles?: TlsFiles | undefined;
  /** The interval of checks of these files, in milliseconds. Default 10,000. */
  readonly tlsReloadIntervalMs?: number | undefined;
}
