import { TLSSocket } from "node:tls";
import type { ServiceIdentity } from "../environment/environment.ts";

/** Finds a service by a subject alternative name of its certificate. */
export type ServiceOfNames = (names: readonly string[]) => string | undefined;

/** The placeholder of the service's name in a pattern. */
const placeholder = "{service}";
/** A service's name, as in its package.json. */
const servicePattern = "[a-z][a-z0-9-]*";

/** An invalid pattern of certificate names. The message says why. */
export class ServiceNamePatternError extends Error {
  override readonly name = "ServiceNamePatternError";
}

/**
 * Parses a pattern of the names in services' certificates: a SPIFFE id, `spiffe://shop.example/ns/prod/sa/{service}`, or a DNS name,
 * `{service}.shop.svc.cluster.local`. Throws a {@link ServiceNamePatternError}.
 */
export function readServiceNamePattern(pattern: string): ServiceOfNames {
  const parts = pattern.split(placeholder);
  if (parts.length !== 2) {
    throw new ServiceNamePatternError(`must contain ${placeholder} exactly once`);
  }
  const kind = pattern.startsWith("spiffe://") ? "URI" : "DNS";
  if (kind === "DNS" && !/^[\w.-]*$/.test(parts.join(""))) {
    throw new ServiceNamePatternError("must be a DNS name, or begin with spiffe://");
  }
  // A SPIFFE id starts with its trust domain: a placeholder there would accept any trust domain.
  if (kind === "URI" && !/^spiffe:\/\/[\w.-]+\//.test(parts[0] ?? "")) {
    throw new ServiceNamePatternError("must name the trust domain: spiffe://domain/…/{service}");
  }
  const [before = "", after = ""] = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const expression = new RegExp(`^${kind}:${before}(${servicePattern})${after}$`);
  return (names) => {
    const services = new Set(names.flatMap((name) => expression.exec(name)?.[1] ?? []));
    // A certificate with two services identifies neither.
    return services.size === 1 ? [...services][0] : undefined;
  };
}

const noNames: readonly string[] = [];
const namesOfConnections = new WeakMap<object, readonly string[]>();

/**
 * The subject alternative names in the valid certificate of a connection's peer, each with its kind:
 * `URI:spiffe://…`, `DNS:…`. None if there is no such certificate.
 */
export function certificateNames(connection: object | undefined): readonly string[] {
  if (!(connection instanceof TLSSocket) || !connection.authorized) {
    return noNames;
  }
  let names = namesOfConnections.get(connection);
  if (names === undefined) {
    names = parseNames(connection.getPeerCertificate().subjectaltname ?? "");
    namesOfConnections.set(connection, names);
  }
  return names;
}

/** One name of Node's text, `DNS:a, URI:"b, c"`: names with separators are quoted (CVE-2021-44532). */
const nameToken = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;

export function parseNames(text: string): readonly string[] {
  const names: string[] = [];
  nameToken.lastIndex = 0;
  while (nameToken.lastIndex < text.length) {
    const token = nameToken.exec(text);
    if (token === null) {
      return noNames;
    }
    names.push(`${token[1]}:${token[2]}`);
  }
  return names;
}

/** The service identified by its TLS certificate, so that it needs no token. */
export function certificateIdentity(name: string): ServiceIdentity {
  return { name, token: () => undefined, forwarderToken: () => undefined };
}
