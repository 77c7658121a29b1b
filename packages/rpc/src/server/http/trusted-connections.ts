/**
 * The connections of authenticated services of the platform, and of trusted proxies. They carry calls of many callers, so the limits of a
 * single connection do not apply to them. The limits of callers and of the process do.
 */
export interface TrustedConnections {
  /** `connection`: the socket. */
  trust(connection: object): void;
  isTrusted(connection: object): boolean;
}

export function createTrustedConnections(): TrustedConnections {
  const trusted = new WeakSet();
  return {
    trust: (connection) => trusted.add(connection),
    isTrusted: (connection) => trusted.has(connection),
  };
}
