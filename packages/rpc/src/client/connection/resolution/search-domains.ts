import { readFile } from "node:fs/promises";

/** The search list of resolv.conf(5), for names that are not fully qualified. */
export interface SearchDomains {
  readonly domains: readonly string[];
  /** Names with fewer dots than this are looked up in the domains first. Default 1. */
  readonly ndots: number;
}

/** As many as Kubernetes allows (`maxDNSSearchPaths`). */
const domainsMax = 32;
/** resolv.conf(5): "the value for this option is silently capped to 15". */
const ndotsMax = 15;

/** The search domains of a resolv.conf file. None if it cannot be read, as on Windows. */
export async function readSearchDomains(file: string): Promise<SearchDomains> {
  try {
    return parseSearchDomains(await readFile(file, "utf8"));
  } catch {
    return { domains: [], ndots: 1 };
  }
}

/** Reads the lines `search`, `domain` and `options ndots:n`; of `search` and `domain` the last one counts. */
export function parseSearchDomains(text: string): SearchDomains {
  let domains: readonly string[] = [];
  let ndots = 1;
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    if (keyword === "search") {
      domains = values;
    } else if (keyword === "domain") {
      domains = values.slice(0, 1);
    } else if (keyword === "options") {
      const given = values.map((value) => /^ndots:(\d+)$/.exec(value)?.[1]).findLast((value) => value !== undefined);
      ndots = given === undefined ? ndots : Math.min(Number(given), ndotsMax);
    }
  }
  return {
    domains: domains
      .map((domain) => domain.replace(/\.$/, ""))
      .filter(Boolean)
      .slice(0, domainsMax),
    ndots,
  };
}

/**
 * The names to look up for a name, in order, as the C library does: one that ends with a dot as it is; one with at least `ndots` dots first as it is,
 * others first in each search domain. Node's resolvers apply no search domains themselves.
 */
export function candidateNames(name: string, { domains, ndots }: SearchDomains): readonly string[] {
  if (name.endsWith(".")) {
    return [name.slice(0, -1)];
  }
  const inDomains = domains.map((domain) => `${name}.${domain}`);
  return name.split(".").length - 1 >= ndots ? [name, ...inDomains] : [...inDomains, name];
}
