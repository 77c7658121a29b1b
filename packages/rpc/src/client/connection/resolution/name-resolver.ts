import { lookup, Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import type { Clock } from "../../../environment/clock.ts";
import type { Endpoint, Resolution } from "./endpoint.ts";
import { interleaveFamilies } from "./interleave-families.ts";
import { candidateNames, readSearchDomains } from "./search-domains.ts";

export interface NameResolverOptions {
  /** The DNS servers to query, `address` or `address:port`. Default: those of the machine. */
  readonly servers?: readonly string[] | undefined;
  /** The file with the search domains. Default /etc/resolv.conf. */
  readonly resolvConfFile?: string | undefined;
  /** The lookup if DNS has no records. Default: getaddrinfo(3), unless the target names its DNS server. */
  readonly fallback?: ((host: string) => Promise<readonly FoundAddress[]>) | undefined;
}

/** An address without a TTL. */
interface FoundAddress {
  readonly address: string;
  readonly family: number;
}

/** How many addresses of a name are used. A name with thousands must not cost a connection and a timer for each. */
export const addressesMax = 100;
/** The timeout of one query to one server, in milliseconds. c-ares repeats it once. */
const questionTimeoutMs = 1500;
/** The time limit of a whole resolution, search domains included, in milliseconds. */
const resolutionTimeoutMs = 8000;
/** The results of getaddrinfo(3) have no TTL: they are looked up again after the interval. */
const unknownTtlMs = Number.POSITIVE_INFINITY;
/** How many targets of an SRV response are resolved. Cloud Map returns at most eight. */
const serviceTargetsMax = 32;

interface Address {
  readonly address: string;
  readonly family: 4 | 6;
  readonly ttlMs: number;
}

/**
 * The addresses of a name (`dns:///name:port`): A and AAAA records with their TTL, in the search domains of resolv.conf. If DNS has none,
 * getaddrinfo(3) is called, which reads the hosts file. Rejects with the resolver's error if there is no address at all.
 */
export function resolveHost({ host, port }: Endpoint, clock: Clock, options: NameResolverOptions): Promise<Resolution> {
  return bounded(clock, options, async (resolver) => {
    const addresses = await addressesOf(host, resolver, options);
    return {
      endpoints: interleaveFamilies(addresses).map(({ address }) => ({ host: address, port })),
      ttlMs: leastTtlMs(addresses),
    };
  });
}

/**
 * The endpoints of a service (`srv:///_grpc._tcp.name`): the SRV records of the lowest priority that resolve (RFC 2782), with their ports. Weights
 * are not used: the balancing policies measure instead.
 */
export function resolveService(name: string, clock: Clock, options: NameResolverOptions): Promise<Resolution> {
  return bounded(clock, options, async (resolver) => {
    const records = await firstAnswer(await namesFor(name, options), (candidate) => resolver.resolveSrv(candidate));
    const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b);
    let failure: unknown;
    for (const priority of priorities) {
      const targets = records.filter((record) => record.priority === priority).slice(0, serviceTargetsMax);
      const found = await Promise.allSettled(
        targets.map(async (target) => ({
          port: target.port,
          addresses: await addressesOf(`${target.name}.`, resolver, options),
        })),
      );
      const answers = found.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
      if (answers.length > 0) {
        return {
          endpoints: answers
            .flatMap(({ port, addresses }) => addresses.map(({ address }) => ({ host: address, port })))
            .slice(0, addressesMax),
          ttlMs: leastTtlMs(answers.flatMap(({ addresses }) => addresses)),
        };
      }
      failure = found.find((result) => result.status === "rejected")?.reason;
    }
    throw failure ?? new Error(`${name} has no SRV record`);
  });
}

/** RFC 6761, section 6.3: names of the machine itself are never sent to a DNS server. */
const localName = /(^|\.)localhost\.?$/i;

async function addressesOf(
  host: string,
  resolver: Resolver,
  options: NameResolverOptions,
): Promise<readonly Address[]> {
  const family = isIP(host.replace(/\.$/, ""));
  if (family !== 0) {
    return [{ address: host, family: family === 4 ? 4 : 6, ttlMs: unknownTtlMs }];
  }
  if (localName.test(host)) {
    return fromHosts(host, options.fallback ?? lookUp);
  }
  try {
    return await firstAnswer(await namesFor(host, options), (name) => bothFamilies(name, resolver));
  } catch (error) {
    const { servers, fallback = servers === undefined ? lookUp : undefined } = options;
    if (fallback === undefined) {
      throw error;
    }
    return fromHosts(host, fallback).catch(() => Promise.reject(error));
  }
}

async function namesFor(host: string, { resolvConfFile = "/etc/resolv.conf" }: NameResolverOptions) {
  return candidateNames(host, await readSearchDomains(resolvConfFile));
}

/** The records of the first of several names that has some. Rejects with the last error. */
async function firstAnswer<T>(names: readonly string[], ask: (name: string) => Promise<readonly T[]>) {
  let failure: unknown;
  for (const name of names) {
    try {
      const answer = await ask(name);
      if (answer.length > 0) {
        return answer;
      }
    } catch (error) {
      failure = error;
    }
  }
  throw failure ?? new Error(`${names.join(", ")}: no address`);
}

async function bothFamilies(name: string, resolver: Resolver): Promise<readonly Address[]> {
  const [four, six] = await Promise.allSettled([
    resolver.resolve4(name, { ttl: true }),
    resolver.resolve6(name, { ttl: true }),
  ]);
  const addresses = [
    ...(four.status === "fulfilled" ? four.value.map((record) => addressOf(record, 4)) : []),
    ...(six.status === "fulfilled" ? six.value.map((record) => addressOf(record, 6)) : []),
  ];
  if (addresses.length === 0) {
    throw four.status === "rejected" ? four.reason : new Error(`${name}: no address`);
  }
  return addresses.slice(0, addressesMax);
}

function addressOf({ address, ttl }: { readonly address: string; readonly ttl: number }, family: 4 | 6): Address {
  return { address, family, ttlMs: ttl * 1000 };
}

/** getaddrinfo(3), which reads the hosts file. It blocks one of libuv's four threads, so it comes last. */
function lookUp(host: string): Promise<readonly FoundAddress[]> {
  return lookup(host, { all: true });
}

async function fromHosts(
  host: string,
  fallback: (host: string) => Promise<readonly FoundAddress[]>,
): Promise<readonly Address[]> {
  const found = await fallback(host);
  return found
    .slice(0, addressesMax)
    .map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4, ttlMs: unknownTtlMs }));
}

function leastTtlMs(addresses: readonly Address[]): number {
  return addresses.reduce((least, { ttlMs }) => Math.min(least, ttlMs), Number.POSITIVE_INFINITY);
}

/** Runs a resolution with a resolver of its own, which reads the machine's DNS servers anew, and cancels it after the time limit. */
async function bounded<T>(
  clock: Clock,
  { servers }: NameResolverOptions,
  resolve: (resolver: Resolver) => Promise<T>,
): Promise<T> {
  const resolver = new Resolver({ timeout: questionTimeoutMs, tries: 2 });
  if (servers !== undefined) {
    resolver.setServers(servers);
  }
  const { promise, reject } = Promise.withResolvers<never>();
  const cancel = clock.after(resolutionTimeoutMs, () => {
    resolver.cancel();
    reject(new Error(`DNS did not respond within ${resolutionTimeoutMs} ms`));
  });
  try {
    return await Promise.race([resolve(resolver), promise]);
  } finally {
    cancel();
  }
}
