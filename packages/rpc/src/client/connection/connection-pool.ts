import type { ClientDefaults } from "../../environment/connections/client-defaults.ts";
import { type TlsFiles, type TlsSource, WatchedTlsFiles } from "../../environment/connections/tls-files.ts";
import type { Environment } from "../../environment/environment.ts";
import { BalancedChannel } from "./balancing/balanced-channel.ts";
import type { Channel, ChannelOptions } from "./channel.ts";
import type { ChannelParts } from "./channel-parts.ts";
import { PickFirstChannel } from "./pick-first-channel.ts";
import { parseTarget, type Target } from "./resolution/target.ts";

/** The parts of the environment that a pool uses. Without log or metrics it does not report its decisions. */
export type PoolEnvironment = Pick<Environment, "clock" | "random"> &
  Partial<Pick<Environment, "log" | "metrics" | "clientDefaults" | "http2">>;

/** The connections of a process: clients with the same target and connection options share them. */
export class ConnectionPool {
  readonly #environment: PoolEnvironment;
  readonly #channels = new Map<string, Channel>();
  readonly #tlsFiles = new Map<string, WatchedTlsFiles>();

  constructor(environment: PoolEnvironment) {
    this.#environment = environment;
  }

  /** The channel of a target. Throws a `TypeError` if the target is invalid. */
  channel(target: string, options: ChannelOptions = {}): Channel {
    const key = JSON.stringify([target, options]);
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      const { clientDefaults, http2 } = this.#environment;
      channel = this.#open(target, { ...withoutUndefined({ ...clientDefaults, http2 }), ...options });
      this.#channels.set(key, channel);
    }
    return channel;
  }

  /** Closes all connections once their calls have ended. Waiting calls fail. */
  close(): void {
    for (const channel of this.#channels.values()) {
      channel.close();
    }
    for (const files of this.#tlsFiles.values()) {
      files.stop();
    }
    this.#channels.clear();
    this.#tlsFiles.clear();
  }

  #open(name: string, options: ChannelOptions): Channel {
    const target = parseTarget(name, { resolvConfFile: options.resolvConfFile });
    const { clock, random, log, metrics } = this.#environment;
    const parts: ChannelParts = { target, clock, random, log, metrics, options, tls: this.#tls(target, options) };
    return isBalanced(target, options) ? new BalancedChannel(parts) : new PickFirstChannel(parts);
  }

  #tls({ scheme }: Target, { tls, tlsFiles, tlsReloadIntervalMs }: ChannelOptions): TlsSource | undefined {
    if (scheme === "http") {
      return undefined;
    }
    return tls === undefined && tlsFiles !== undefined
      ? this.#filesOf(tlsFiles, tlsReloadIntervalMs)
      : { current: () => tls ?? {} };
  }

  #filesOf(tlsFiles: TlsFiles, intervalMs: number | undefined): WatchedTlsFiles {
    const key = JSON.stringify([tlsFiles, intervalMs]);
    let files = this.#tlsFiles.get(key);
    if (files === undefined) {
      const { clock, log } = this.#environment;
      files = new WatchedTlsFiles(tlsFiles, { clock, log, intervalMs });
      this.#tlsFiles.set(key, files);
    }
    return files;
  }
}

/** Whether calls to a target are balanced over its addresses: by default if it has several. */
export function isBalanced({ isSeveral }: Target, { balancing }: Pick<ChannelOptions, "balancing">): boolean {
  return balancing === undefined ? isSeveral : balancing !== "pick_first";
}

type Defaults = ClientDefaults & Pick<Environment, "http2">;

function withoutUndefined(defaults: { readonly [K in keyof Defaults]: Defaults[K] | undefined }): Defaults {
  return Object.fromEntries(Object.entries(defaults).filter(([, value]) => value !== undefined)) as Defaults;
}

const pools = new WeakMap<object, ConnectionPool>();

/** The pool of all clients of one environment, unless they have one of their own. */
export function sharedPool(environment: PoolEnvironment): ConnectionPool {
  // A copy of an environment, with an identity for example, is the same process: it uses the same metrics.
  const process = environment.metrics ?? environment.clock;
  let pool = pools.get(process);
  if (pool === undefined) {
    pool = new ConnectionPool(environment);
    pools.set(process, pool);
  }
  return pool;
}
