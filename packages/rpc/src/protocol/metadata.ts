import type { IncomingHttpHeaders } from "node:http";

/** Header names of HTTP and the protocols, in lower case: they are never a service's own metadata. */
export const protocolNames: ReadonlySet<string> = new Set([
  "content-type",
  "content-length",
  "content-encoding",
  "host",
  "user-agent",
  "trailer",
  "date",
  "accept-encoding",
  "trailer-",
  "connect-content-encoding",
  "connect-accept-encoding",
  "connect-timeout-ms",
  "connect-protocol-version",
  "grpc-encoding",
  "grpc-accept-encoding",
  "grpc-timeout",
  "grpc-status",
  "grpc-message",
  "grpc-status-details-bin",
]);

/** Creates Web headers from Node's: without pseudo-headers; several values of one name stay separate. */
export function headersFromNode(
  source: IncomingHttpHeaders | Readonly<Record<string, string | string[] | undefined>>,
): Headers {
  const headers = new Headers();
  for (const name in source) {
    const value = source[name];
    if (value === undefined || name.charCodeAt(0) === 0x3a) {
      continue;
    }
    if (typeof value === "string") {
      headers.append(name, value);
    } else {
      for (const each of value) {
        headers.append(name, each);
      }
    }
  }
  return headers;
}

/** Copies Web headers into a plain object in Node's format; `prefix` is prepended to each name. */
export function copyToNode(
  headers: Headers,
  target: Record<string, string | string[] | number | undefined>,
  { prefix = "" }: { readonly prefix?: string } = {},
): void {
  for (const [name, value] of headers) {
    const key = prefix === "" ? name : prefix + name;
    const before = target[key];
    // `set-cookie` is the one name that Web headers keep separate.
    target[key] = before === undefined || name !== "set-cookie" ? value : [before, value].flat().map(String);
  }
}

/** Adds an error's metadata to a response's, except the protocol's own headers. */
export function addErrorMetadata(target: Headers, metadata: Headers): void {
  for (const [name, value] of metadata) {
    if (!protocolNames.has(name)) {
      target.append(name, value);
    }
  }
}
