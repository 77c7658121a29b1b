/** One address to connect to. */
export interface Endpoint {
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** What a target's name resolves to. */
export interface Resolution {
  /** Best first. */
  readonly endpoints: readonly Endpoint[];
  /** How long the answer may be kept, in milliseconds. Infinity for a list of URLs. */
  readonly ttlMs: number;
}

/** The text of an endpoint in logs: `10.0.0.1:50051`, `[::1]:50051`. */
export function endpointName({ host, port }: Endpoint): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
