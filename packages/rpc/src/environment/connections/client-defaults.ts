import type { TlsFiles } from "./tls-files.ts";

/** How a client with several addresses chooses the one for a call. */
export type BalancingPolicy = "pick_first" | "round_robin" | "least_request";

/** What the clients of a process do unless they are told otherwise. A service has it from its settings. */
export interface ClientDefaults {
  /** Default: `pick_first` for one URL, `least_request` for several addresses. */
  readonly balancing?: BalancingPolicy | undefined;
  /** The longest time between two resolutions of a name, in milliseconds. A shorter TTL makes it shorter, to 1 s at least. Default 10,000. */
  readonly resolveIntervalMs?: number | undefined;
  /** Whether servers' health is watched (gRPC's proposal A17), with balancing policies other than `pick_first`. Default true. */
  readonly healthWatch?: boolean | undefined;
  /** How many connections to one address may be open where the server's limit of concurrent streams is reached. Default 1 with `pick_first`, 4 else. */
  readonly connectionsMax?: number | undefined;
  /** The certificates of this side, and whom it trusts. Default: none, and the system's authorities. */
  readonly tlsFiles?: TlsFiles | undefined;
  /** How often these files are looked at, in milliseconds. Default 10,000. */
  readonly tlsReloadIntervalMs?: number | undefined;
}
