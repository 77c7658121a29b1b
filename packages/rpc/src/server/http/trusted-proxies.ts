import { BlockList, isIP } from "node:net";
import { bareAddress, lastForwarded } from "../../call/address-group.ts";

/** The proxies whose `x-forwarded-for` header the server trusts. */
export interface TrustedProxies {
  /** Whether this is the address of a trusted proxy. */
  trusts(address: string): boolean;
  /**
   * The client's address: the header is read from its end, past all trusted proxies, to the first other address. The client can forge the
   * entries before that one, so they are ignored.
   */
  clientOf(peer: string, forwardedFor: string | undefined): string;
}

/** The setting is not a valid list of networks. */
export class TrustedProxiesError extends Error {
  override readonly name = "TrustedProxiesError";
}

/** A longer header is ignored. Some hundred proxies fit. */
const headerCharsMax = 4_096;

/**
 * Parses a comma-separated list of addresses (`192.0.2.1`, `::1`) and CIDR prefixes (`10.0.0.0/8`, `fd00::/8`; RFC 4632, RFC 4291).
 * `true` trusts every peer, as a single proxy in front of the server. `false` or an empty string trusts none. Throws
 * {@link TrustedProxiesError}.
 */
export function readTrustedProxies(setting: string): TrustedProxies | undefined {
  const text = setting.trim().toLowerCase();
  if (text === "" || text === "false" || text === "0") {
    return undefined;
  }
  if (text === "true" || text === "1") {
    return { trusts: () => true, clientOf: (peer, header) => bareAddress(lastForwarded(header) ?? "") ?? peer };
  }
  const networks = new BlockList();
  for (const entry of text.split(",").map((part) => part.trim())) {
    addNetwork(networks, entry);
  }
  const trusts = (address: string) => {
    const bare = bareAddress(address);
    return bare !== undefined && networks.check(bare, familyOf(bare));
  };
  return {
    trusts,
    clientOf(peer, header) {
      let client = peer;
      if (header === undefined || header.length > headerCharsMax) {
        return client;
      }
      for (const entry of header.split(",").reverse()) {
        const address = bareAddress(entry.trim());
        // Stops at an untrusted sender, which can forge all entries before its own, and at an invalid entry.
        if (!trusts(client) || address === undefined) {
          return client;
        }
        client = address;
      }
      return client;
    },
  };
}

function addNetwork(networks: BlockList, entry: string): void {
  const [address = "", prefix] = entry.split("/");
  const family = familyOf(address);
  const bitsMax = family === "ipv6" ? 128 : 32;
  const bits = prefix === undefined ? bitsMax : Number(prefix);
  if (isIP(address) === 0 || !/^\d{1,3}$/.test(prefix ?? "0") || bits > bitsMax) {
    throw new TrustedProxiesError(
      `must be true, false or networks such as 10.0.0.0/8, separated by commas; "${entry}" is none`,
    );
  }
  networks.addSubnet(address, bits, family);
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}
