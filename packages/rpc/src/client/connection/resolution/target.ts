import { isIP } from "node:net";
import type { Clock } from "../../../environment/clock.ts";
import type { Endpoint, Resolution } from "./endpoint.ts";
import { type NameResolverOptions, resolveHost, resolveService } from "./name-resolver.ts";

/** A client's target, parsed. */
export interface Target {
  /** The unparsed target, for messages and labels. */
  readonly name: string;
  readonly scheme: "http" | "https";
  /** The `:authority` or `host` of requests, and the name that a certificate must be for. */
  readonly authority: string;
  /** The name part of the authority. */
  readonly hostname: string;
  /** The prefix of every method's path, without a slash at its end. Usually empty. */
  readonly pathPrefix: string;
  /** Whether it may have several addresses: a list, or a name in DNS. */
  readonly isSeveral: boolean;
  /** Whether its addresses come from DNS, and may change. */
  readonly isDynamic: boolean;
  /** The current addresses. Rejects if a name has none. */
  resolve(clock: Clock): Promise<Resolution>;
}

/** The maximum number of URLs in a list. */
const urlsMax = 100;

/**
 * Parses a target:
 * - one URL, `http://host:port` or `https://host:port`; or `host:port`, which is `http://host:port`;
 * - several of these with commas between them;
 * - `dns:///name:port`: every address of the name, looked up anew while calls are made (`dns+https:///name:port` with TLS);
 * - `srv:///_grpc._tcp.name`: the addresses and ports of the name's SRV records (`srv+https:///…` with TLS).
 *
 * `dns://server:53/name:port` and `srv://server:53/name` query that DNS server. Throws a `TypeError` if it is none of these.
 */
export function parseTarget(name: string, options: Omit<NameResolverOptions, "servers"> = {}): Target {
  const named = /^(dns|srv)(\+https)?:\/\/(?:([^/,]*)\/)?([^/,]+)$/.exec(name);
  return named === null ? listTarget(name) : namedTarget(name, named as unknown as NamedParts, options);
}

/** The whole target, its kind, `+https` for TLS, the DNS server, and the name that is looked up. */
type NamedParts = readonly [string, "dns" | "srv", string | undefined, string | undefined, string];

function namedTarget(
  name: string,
  [, kind, tls, server, place]: NamedParts,
  options: Omit<NameResolverOptions, "servers">,
): Target {
  const scheme = tls === undefined ? "http" : "https";
  const resolver = { ...options, ...(server ? { servers: [checkedServer(server, name)] } : {}) };
  if (kind === "srv") {
    if (!/^[\w-]+(\.[\w-]+)*\.?$/.test(place)) {
      throw notATarget(name, "srv:/// needs a name without a port; the SRV record has the port");
    }
    // RFC 2782: _service._protocol.name. A certificate is for the name.
    const hostname = place.replace(/^(_[^.]+\.)*/, "").replace(/\.$/, "") || place;
    return {
      ...{ name, scheme, authority: hostname, hostname, pathPrefix: "", isSeveral: true, isDynamic: true },
      resolve: (clock) => resolveService(place, clock, resolver),
    };
  }
  const url = parseUrl(`${scheme}://${place}`, name);
  const endpoint = endpointOf(url);
  return {
    ...common(name, url),
    ...{ isSeveral: true, isDynamic: isIP(endpoint.host) === 0 },
    resolve: (clock) => resolveHost(endpoint, clock, resolver),
  };
}

function listTarget(name: string): Target {
  const urls = name.split(",").map((part) => parseUrl(withScheme(part.trim()), name));
  const [first] = urls;
  if (first === undefined || urls.some((url) => url.protocol !== first.protocol)) {
    throw notATarget(name, "it mixes http and https");
  }
  if (urls.length > urlsMax) {
    throw notATarget(name, `it has more than ${urlsMax} addresses`);
  }
  const resolution = { endpoints: urls.map(endpointOf), ttlMs: Number.POSITIVE_INFINITY };
  return {
    ...common(name, first),
    ...{ isSeveral: urls.length > 1, isDynamic: false },
    resolve: async () => resolution,
  };
}

/** `user-service:50051`, as gRPC's targets are written: a name or an address with a port, in clear text. */
function withScheme(text: string): string {
  return /^([\w.-]+|\[[\da-f:.]+\]):\d{1,5}$/i.test(text) ? `http://${text}` : text;
}

/** A DNS server in a target is an address, as in gRPC's naming: `dns://10.0.0.2:53/name:port`. */
function checkedServer(server: string, target: string): string {
  const address = /^\[(.+)\](?::\d{1,5})?$/.exec(server)?.[1] ?? server.replace(/:\d{1,5}$/, "");
  if (isIP(address) === 0) {
    throw notATarget(target, `the DNS server ${JSON.stringify(server)} is not an IP address`);
  }
  return server;
}

function common(name: string, url: URL): Pick<Target, "name" | "scheme" | "authority" | "hostname" | "pathPrefix"> {
  return {
    name,
    scheme: url.protocol === "https:" ? "https" : "http",
    authority: url.host,
    hostname: hostOf(url),
    pathPrefix: url.pathname.replace(/\/+$/, ""),
  };
}

function parseUrl(text: string, target: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:") || url.hostname === "") {
    throw notATarget(
      target,
      "use http://host:port, https://host:port or host:port, several of them with commas, dns:///name:port or srv:///name",
    );
  }
  return url;
}

function notATarget(target: string, why: string): TypeError {
  return new TypeError(`the target ${JSON.stringify(target)} is invalid: ${why}`);
}

function endpointOf(url: URL): Endpoint {
  return { host: hostOf(url), port: url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port) };
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}
