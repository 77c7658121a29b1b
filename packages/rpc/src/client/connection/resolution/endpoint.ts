/** One address to connect to. */
export interface Endpoint {
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** The result of resolving a target's name. */
export interface Resolution {
  /** Best first. */
  readonly endpoints: readonly Endpoint[];
  /** How long the result may be cached, in milliseconds. Infinity for a list of URLs. */
  readonly ttlMs: number;
}

/** The text of an endpoint in logs: `10.0.0.1:50051`, `[::1]:50051`. */
export function endpointName({ host, port }: Endpoint): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
