import { isIP } from "node:net";

export interface HostCheckOptions {
  /** Names and addresses that requests may address besides loopback ones, without a port. `*` allows every host. */
  readonly allowedHosts: readonly string[];
  /** Whether every IP address is allowed. DNS rebinding needs a host name, so an address is safe. */
  readonly allowAddresses?: boolean;
}

/**
 * Whether a request may have this `Host` header or `:authority`. Servers without authentication check it against DNS rebinding: otherwise a
 * web page in a browser on the same machine could call the server under the page's own host name.
 */
export type HostCheck = (host: string | undefined) => boolean;

/** The number of cached hosts. Clients use one or two. */
const rememberedMax = 256;

export function createHostCheck({ allowedHosts, allowAddresses = false }: HostCheckOptions): HostCheck {
  if (allowedHosts.includes("*")) {
    return () => true;
  }
  const allowed = new Set(allowedHosts.map((host) => host.toLowerCase()));
  const remembered = new Set<string>();
  return (host) => {
    // HTTP/1.0 requests may lack it. Browsers always send it.
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

/** `localhost`, one of its subdomains, or a loopback address (RFC 6761, section 6.3; RFC 5735; RFC 4291). */
export function isLoopbackName(name: string): boolean {
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    (/^127(\.\d{1,3}){3}$/.test(name) && isIP(name) === 4) ||
    /^\[?(::1|::ffff:127(\.\d{1,3}){3}|0:0:0:0:0:0:0:1)\]?$/.test(name)
  );
}

/** The host in lower case, without its port and a trailing dot. */
function nameOf(host: string): string {
  return host
    .replace(/:\d*$/, (port) => (/^[^[\]]*:[^[\]]*:/.test(host) ? port : ""))
    .replace(/\.$/, "")
    .toLowerCase();
}
