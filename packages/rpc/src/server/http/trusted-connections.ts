/**
 * The connections on which a service of the platform, or a trusted proxy, has proved itself. They bring the calls of many callers, so that a connection's own
 * limits do not hold for them: the limits on callers, and on the process, do.
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
