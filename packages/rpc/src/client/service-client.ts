import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { Environment } from "../environment/environment.ts";
import { CallTransport } from "./call-transport.ts";

/** What a client needs, and what of its defaults can be changed. */
export interface ServiceClientOptions {
  readonly environment: Environment;
  /** Who calls, for the server's log: goes into `user-agent`. */
  readonly callerName?: string;
  /** The longest that a unary call may take whose contract and caller set no limit. Default 30,000. */
  readonly defaultTimeoutMs?: number;
}

/**
 * The typed client of a service, with all that the contract says of its methods applied: deadlines and what a call hands on.
 * `target` is a URL (`http:` is HTTP/2 in clear text, `https:` HTTP/2 by ALPN), or a Connect transport, for example one in memory.
 */
export function createServiceClient<S extends DescService>(
  service: S,
  target: string | Transport,
  { environment, defaultTimeoutMs = 30_000 }: ServiceClientOptions,
): Client<S> {
  const base = typeof target === "string" ? sharedTransport(target) : target;
  return createClient(service, new CallTransport(base, environment, { defaultTimeoutMs }));
}

const transports = new Map<string, Transport>();

function sharedTransport(url: string): Transport {
  let transport = transports.get(url);
  if (transport === undefined) {
    transport = createGrpcTransport({ baseUrl: url });
    transports.set(url, transport);
  }
  return transport;
}
