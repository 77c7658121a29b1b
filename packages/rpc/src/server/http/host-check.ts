import { isIP } from "node:net";

export interface HostCheckOptions {
  /** Names and addresses that requests may be for besides loopback ones, without a port. `*` allows every host. */
  readonly allowedHosts: readonly string[];
  /** Whether every IP address is allowed. A page of another site can make a name point at this machine, but not an address. */
  readonly allowAddresses?: boolean;
}

/**
 * Whether a request may be for a host, by its `Host` header or `:authority`. A server without sign-in checks it, since otherwise any
 * page in a browser on the same machine could call it under a name of its own (DNS rebinding).
 */
export type HostCheck = (host: string | undefined) => boolean;

/** The hosts that a check remembers. Clients use one or two. */
const rememberedMax = 256;

export function createHostCheck({ allowedHosts, allowAddresses = false }: HostCheckOptions): HostCheck {
  if (allowedHosts.includes("*")) {
    return () => true;
  }
  const allowed = new Set(allowedHosts.map((host) => host.toLowerCase()));
  const remembered = new Set<string>();
  return (host) => {
    // HTTP/1.0 may leave it out. A browser never does.
    if (host === undefined || remembered.has(host)) {
      return true;
    }
    const name = nameOf(host);
    const isAllowed =
      allowed.has(name) || isLoopbackName(name) || (allowAddresses && isIP(name.replace(/^\[|\]$/g, "")) !== 0);
    if (isAllowed && remembered.size < rememberedMax) {
      remembered.add(host);
    }
    return isAllowed;
  };
}

/** `localhost`, a name below it, or an address of the loopback interface (RFC 6761, section 6.3; RFC 5735; RFC 4291). */
export function isLoopbackName(name: string): boolean {
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    (/^127(\.\d{1,3}){3}$/.test(name) && isIP(name) === 4) ||
    /^\[?(::1|::ffff:127(\.\d{1,3}){3}|0:0:0:0:0:0:0:1)\]?$/.test(name)
  );
}

/** The host without its port and a final dot, in lower case. */
function nameOf(host: string): string {
  return host
    .replace(/:\d*$/, (port) => (/^[^[\]]*:[^[\]]*:/.test(host) ? port : ""))
    .replace(/\.$/, "")
    .toLowerCase();
}
