import { lookup } from "node:dns/promises";
import { isIPv6 } from "node:net";
import type { Client, Transport } from "@connectrpc/connect";
import type { TelemetryService } from "@parley/gen/rpc/v1/telemetry_pb.js";

/** A process whose recorded calls the gateway merges. */
export interface TelemetrySource {
  /** For example `order`; with several replicas, the address is appended. */
  readonly name: string;
  readonly client: Client<typeof TelemetryService>;
}

export interface TelemetrySourcesOptions {
  /** The address of each process, from the gateway's settings. */
  readonly backends: Readonly<Record<string, string | Transport>>;
  /** Makes a client of one process at one address. */
  readonly connect: (name: string, target: string | Transport) => Client<typeof TelemetryService>;
}

/**
 * Finds every replica of every process behind the gateway: each of several URLs, and each address of a `dns:///` name, resolved on each
 * call. A client is reused while its address remains.
 */
export function createTelemetrySources({
  backends,
  connect,
}: TelemetrySourcesOptions): () => Promise<readonly TelemetrySource[]> {
  let clients = new Map<string, TelemetrySource>();

  return async () => {
    const found = await Promise.all(Object.entries(backends).map(([name, target]) => replicasOf(name, target)));
    const known = new Map<string, TelemetrySource>();
    for (const { name, process, target } of found.flat()) {
      known.set(name, clients.get(name) ?? { name, client: connect(process, target) });
    }
    clients = known;
    return [...known.values()];
  };
}

interface Replica {
  readonly name: string;
  readonly process: string;
  readonly target: string | Transport;
}

async function replicasOf(process: string, target: string | Transport): Promise<readonly Replica[]> {
  if (typeof target !== "string") {
    return [{ name: process, process, target }];
  }
  const lists = await Promise.all(target.split(",").map((one) => addressesOf(one.trim())));
  const urls = [...new Set(lists.flat())];
  return urls.map((url) => ({
    name: urls.length === 1 ? process : `${process} (${url.replace(/^\w+:\/+/, "")})`,
    process,
    target: url,
  }));
}

async function addressesOf(target: string): Promise<readonly string[]> {
  const name = /^dns:\/\/\/([^:]+|\[[^\]]+\]):(\d+)$/.exec(target);
  const [, host, port] = name ?? [];
  if (host === undefined || port === undefined) {
    return [target];
  }
  try {
    const found = await lookup(host.replace(/^\[|\]$/g, ""), { all: true });
    return found.map(({ address }) => `http://${isIPv6(address) ? `[${address}]` : address}:${port}`);
  } catch {
    // The client resolves the name itself, and reports the error.
    return [target];
  }
}
