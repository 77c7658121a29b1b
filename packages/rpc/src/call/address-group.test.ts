import { expect, test } from "vitest";
import { addressGroup } from "./address-group.ts";

test.each([
  ["10.0.0.1", "10.0.0.1"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0DB8:0001:0002::1", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["64:ff9b::1.2.3.4", "64:ff9b:0:0::/64"],
  ["1::2:3:4:5:6:7", "1:0:2:3::/64"],
  ["unknown", "unknown"],
  ["a name on a certificate", "a name on a certificate"],
  ["1:2:3", "1:2:3"],
])("%s counts as %s", (address, group) => {
  expect(addressGroup(address)).toBe(group);
});
