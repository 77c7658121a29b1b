import { isIPv4, isIPv6 } from "node:net";

/**
 * The group of addresses that shares one limit: an IPv4 address by itself, and the /64 network of an IPv6 address, since one
 * client commonly has a whole /64 (RFC 6177, section 2). Every spelling of an address gives the same group: with a port
 * (`192.0.2.1:80`, `[2001:db8::1]:80`), with a zone, and IPv4-mapped in dotted or hexadecimal form (RFC 4291, section 2.5.5.2).
 * Text that is not an address is returned unchanged.
 */
export function addressGroup(address: string): string {
  if (isIPv4(address)) {
    return address;
  }
  const bare = bareAddress(address);
  if (bare === undefined) {
    return address;
  }
  if (isIPv4(bare)) {
    return bare;
  }
  const groups = groupsOf(bare);
  const [high = 0, low = 0] = groups.slice(6);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(":")}::/64`;
}

/** The IP address in a text, without brackets, port and zone. Undefined if there is none. */
export function bareAddress(text: string): string | undefined {
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1];
  const host = bracketed ?? /^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text;
  const [bare = ""] = host.split("%");
  return isIPv4(bare) || isIPv6(bare) ? bare : undefined;
}

/**
 * The {@link addressGroup} that a proxy on this machine names as the client's: the last entry of its `x-forwarded-for` header. Undefined if the
 * peer is not a loopback address, or without the header. Nothing proves it, so it suits fair shares, and no other decision.
 */
export function locallyForwarded(peer: string, forwardedFor: string | undefined): string | undefined {
  const address = loopback.test(peer) ? lastForwarded(forwardedFor) : undefined;
  return address && addressGroup(address);
}

/** The last entry of an `x-forwarded-for` header: the address that the sender of the request itself saw. */
export function lastForwarded(forwardedFor: string | undefined): string | undefined {
  const last = forwardedFor?.slice(forwardedFor.lastIndexOf(",") + 1).trim();
  return last === "" ? undefined : last?.slice(0, addressCharsMax);
}

const loopback = /^(?:::ffff:)?127\.|^::1$/;

/** The longest textual IPv6 address, including a zone. */
const addressCharsMax = 64;

/** The eight 16-bit groups of an IPv6 address. */
function groupsOf(address: string): readonly number[] {
  const [head = "", tail] = address.split("::");
  const before = numbersOf(head);
  const after = numbersOf(tail ?? "");
  const zeros = Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0);
  return tail === undefined ? before : [...before, ...zeros, ...after];
}

function numbersOf(part: string): number[] {
  return part === ""
    ? []
    : part.split(":").flatMap((group) => {
        if (!group.includes(".")) {
          return [Number.parseInt(group, 16)];
        }
        const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
        return [(a << 8) | b, (c << 8) | d];
      });
}
