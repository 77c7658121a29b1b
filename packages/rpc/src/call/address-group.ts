import { isIPv6 } from "node:net";

/**
 * What counts as one address: an IPv4 address as it is, and of an IPv6 address its first 64 bits, since whoever has one has all
 * of those (RFC 6177, section 2). Anything else stays as it is.
 */
export function addressGroup(address: string): string {
  const [bare = ""] = address.split("%");
  if (!isIPv6(bare)) {
    return address;
  }
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  return mapped ?? `${firstGroups(bare).join(":")}::/64`;
}

/** The first four of the eight groups, without leading zeros. */
function firstGroups(address: string): readonly string[] {
  const [head = "", tail] = address.toLowerCase().split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  // A dotted end stands for two groups; it is never among the first four.
  const length = before.length + after.length + (after.at(-1)?.includes(".") === true ? 1 : 0);
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - length)).fill("0");
  return [...before, ...zeros, ...after].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
}
