import { TLSSocket } from "node:tls";
import type { ServiceIdentity } from "../environment/environment.ts";

/** Names a service by a subject alternative name of its certificate. */
export type ServiceOfNames = (names: readonly string[]) => string | undefined;

/** What stands for the service's name in a pattern. */
const placeholder = "{service}";
/** A service's name, as in its package.json. */
const servicePattern = "[a-z][a-z0-9-]*";

/** A pattern of certificate names cannot be used. The message says why. */
export class ServiceNamePatternError extends Error {
  override readonly name = "ServiceNamePatternError";
}

/**
 * Reads a pattern for the names on certificates that stand for services: a SPIFFE id, `spiffe://shop.example/ns/prod/sa/{service}`, or a DNS name,
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
  // A SPIFFE id names its trust domain itself: with the service in its place any trust domain would do.
  if (kind === "URI" && !/^spiffe:\/\/[\w.-]+\//.test(parts[0] ?? "")) {
    throw new ServiceNamePatternError("must name the trust domain: spiffe://domain/…/{service}");
  }
  const [before = "", after = ""] = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const expression = new RegExp(`^${kind}:${before}(${servicePattern})${after}$`);
  return (names) => {
    const services = new Set(names.flatMap((name) => expression.exec(name)?.[1] ?? []));
    // A certificate that stands for two services says of neither call which one makes it.
    return services.size === 1 ? [...services][0] : undefined;
  };
}

const noNames: readonly string[] = [];
const namesOfConnections = new WeakMap<object, readonly string[]>();

/**
 * The subject alternative names of the certificate that the other end of a connection has shown and that was found valid, each with its kind:
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

/** One name of Node's text, `DNS:a, URI:"b, c"`: what could be taken for a separator is quoted (CVE-2021-44532). */
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

/** The identity of a service that its TLS certificate proves, so that it needs no token. */
export function certificateIdentity(name: string): ServiceIdentity {
  return { name, token: () => undefined, forwarderToken: () => undefined };
}
