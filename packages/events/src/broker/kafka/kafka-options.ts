import type { BaseOptions } from "@platformatic/kafka";

/** How long Kafka may take to answer one request, in milliseconds. */
const requestTimeoutMs = 10_000;
const connectTimeoutMs = 5000;
const defaultPort = 9092;

/**
 * The client options of a `kafka://host:port,host:port` URL (`kafkas://` over TLS; `user:password@` before the first host for SASL PLAIN).
 * Undefined if it is not one. One reachable broker of the cluster suffices: it lists the others.
 */
export function kafkaOptions(url: string, clientId: string): BaseOptions | undefined {
  const found = /^kafka(s?):\/\/(?:([^@/]+)@)?([^/?#]+)\/?$/.exec(url);
  const [, tls, login, hosts] = found ?? [];
  const brokers = hosts?.split(",").map((host) => URL.parse(`kafka://${host}`));
  if (brokers === undefined || brokers.some((broker) => broker === null || broker.hostname === "")) {
    return undefined;
  }
  const [username = "", password = ""] = login?.split(":").map(decodeURIComponent) ?? [];
  return {
    clientId,
    bootstrapBrokers: brokers.map((broker) => `${broker?.hostname}:${broker?.port || defaultPort}`),
    timeout: requestTimeoutMs,
    connectTimeout: connectTimeoutMs,
    // The callers retry with their own backoff.
    retries: 1,
    ...(tls === "s" ? { tls: {} } : {}),
    ...(login === undefined ? {} : { sasl: { mechanism: "PLAIN", username, password } }),
  };
}
