/** The reason why a connection could not be made, as text. For several addresses, one after another. */
export function errorWords(cause: unknown): string {
  if (cause instanceof AggregateError) {
    return [...new Set(cause.errors.map(errorWords))].join("; ");
  }
  if (!(cause instanceof Error)) {
    return String(cause);
  }
  const { code = "", address, port, hostname } = cause as SystemError;
  const place = address === undefined ? "" : ` by ${address.includes(":") ? `[${address}]` : address}:${port}`;
  const known = systemWords[code]?.(place, hostname ?? "the name") ?? tlsWords(code, cause.message);
  return known ?? (cause.message || code || cause.name);
}

interface SystemError extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
}

/** System errors, by Node's error codes. They contain the words that people search for. */
const systemWords: Readonly<Record<string, (place: string, name: string) => string>> = {
  ECONNREFUSED: (place) =>
    `connection refused${place}: nothing listens there. Is the service running, and is this its port?`,
  ECONNRESET: (place) =>
    `connection reset${place}. Does the URL's scheme fit the port: https:// for TLS, http:// without?`,
  EPIPE: (place) => `connection closed${place}`,
  ETIMEDOUT: (place) => `connection timed out${place}`,
  EHOSTUNREACH: (place) => `no route to the host${place}`,
  ENETUNREACH: (place) => `the network cannot be reached${place}`,
  ENOTFOUND: (_place, name) => `${name} cannot be resolved: there is no such name in DNS`,
  EAI_AGAIN: (_place, name) => `${name} cannot be resolved now: DNS does not respond`,
};

/** OpenSSL errors, without their codes. */
function tlsWords(code: string, message: string): string | undefined {
  if (code === "EPROTO" || code.startsWith("ERR_SSL_")) {
    const alert = /alert ([a-z ]+)/i.exec(message)?.[1]?.trim();
    return alert === undefined || /WRONG_VERSION|wrong version/.test(code + message)
      ? "the server did not answer in TLS. Use an http:// URL if this port has no TLS"
      : `the server ended the TLS handshake: ${alert}`;
  }
  return certificateWords[code];
}

const untrusted =
  "the server's certificate is not signed by an authority that this client trusts. Name the authority with TLS_CA_FILE, or tls.ca";

/** Certificate errors, by Node's codes. */
const certificateWords: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet. Is the clock right?",
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another host name than the URL's",
};
