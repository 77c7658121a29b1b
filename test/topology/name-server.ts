import { type DnsProgram, startDnsmasq } from "../discovery/dns-program.ts";
import { freePort } from "../processes/free-port.ts";
import type { Network } from "./network.ts";

/** The domain of the services' names. */
export const domain = "parley.internal";

/** The DNS server of the topology. */
export interface NameServer {
  /** The target of a service for clients, with TLS or without. */
  target(service: string, port: number, scheme: "dns" | "dns+https"): string;
  /** For nginx: `address` or `address:port`. */
  readonly resolver: string;
  /** Sets the addresses of a name. */
  publish(name: string, addresses: readonly string[]): void;
  stop(): Promise<void>;
}

/** On port 53 as in production, so that `dns:///name` works; where that port is not ours, targets name the server. */
export async function startNameServer(command: string, { kind, front }: Network): Promise<NameServer> {
  const port = kind === "namespaces" ? 53 : await freePort();
  const dns: DnsProgram = await startDnsmasq(command, { host: front, port });
  const authority = kind === "namespaces" ? "" : dns.address;
  return {
    target: (service, servicePort, scheme) => `${scheme}://${authority}/${service}.${domain}:${servicePort}`,
    resolver: kind === "namespaces" ? front : dns.address,
    publish: (name, addresses) => dns.publish(name, addresses),
    stop: () => dns.stop(),
  };
}
