import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { interleaveFamilies } from "./interleave-families.ts";

/** One place to connect to. */
export interface Endpoint {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** What a client's target says. */
export interface Target {
  /** As it was given, for messages and labels. */
  readonly name: string;
  readonly scheme: "http" | "https";
  /** What requests say in `:authority` or `host`, and what a certificate must be for. */
  readonly authority: string;
  /** The name part of the authority. */
  readonly hostname: string;
  /** A path before every method's, without a slash at its end; mostly empty. */
  readonly pathPrefix: string;
  /** Where to connect, best first. Asked anew before every connection. */
  resolve(): Promise<readonly Endpoint[]>;
}

/** How many places are tried for one connection: a name with hundreds of addresses must not keep a call waiting for ever. */
const endpointsMax = 16;

/**
 * Reads a target: one URL (`http://host:port`, `https://host:port`), several with commas between them, tried in that order, or
 * `dns:///name:port`, which is every address of the name (`dns+https:///name:port` with TLS). Throws a `TypeError` where it is none of these.
 */
export function parseTarget(name: string): Target {
  const dns = /^dns(\+https)?:\/\/\/?([^/,]+)$/.exec(name);
  if (dns?.[2] !== undefined) {
    const url = parseUrl(`${dns[1] === undefined ? "http" : "https"}://${dns[2]}`, name);
    return { ...common(name, url), resolve: () => resolveName(endpointOf(url)) };
  }
  const urls = name.split(",").map((part) => parseUrl(part.trim(), name));
  const [first] = urls;
  if (first === undefined || urls.some((url) => url.protocol !== first.protocol)) {
    throw new TypeError(`the target ${JSON.stringify(name)} mixes http and https`);
  }
  const endpoints = urls.slice(0, endpointsMax).map(endpointOf);
  return { ...common(name, first), resolve: async () => endpoints };
}

function common(name: string, url: URL): Omit<Target, "resolve"> {
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
    throw new TypeError(
      `the target ${JSON.stringify(target)} is no http or https URL, no list of them, and no dns:///name:port`,
    );
  }
  return url;
}

function endpointOf(url: URL): Endpoint {
  return { host: hostOf(url), port: url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port) };
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

async function resolveName({ host, port }: Endpoint): Promise<readonly Endpoint[]> {
  if (isIP(host) !== 0) {
    return [{ host, port }];
  }
  const addresses = await lookup(host, { all: true });
  return interleaveFamilies(addresses)
    .slice(0, endpointsMax)
    .map(({ address }) => ({ host: address, port }));
}
