import { methodPolicy } from "@parley/contract";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { Caller as Kind } from "@parley/gen/rpc/v1/options_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { expect, test } from "vitest";
import type { Caller } from "../call/call-context.ts";
import { decideAccess } from "./access-decision.ts";

const user: Caller = { kind: "user", id: "1" };
const admin: Caller = { kind: "admin", id: "2" };
const order: Caller = { kind: "service", id: "order" };
const notification: Caller = { kind: "service", id: "notification" };

const rules = [
  // rule, no caller, user, admin, order service, notification service
  [ProductService.method.getProduct, "allowed", "allowed", "allowed", "allowed", "allowed"],
  [OrderService.method.createOrder, "unauthenticated", "if-owner", "allowed", "denied", "denied"],
  [ProductService.method.createProduct, "unauthenticated", "denied", "allowed", "denied", "denied"],
  [UserService.method.validateUser, "unauthenticated", "denied", "denied", "allowed", "denied"],
] as const;

test.each(rules)("%s decides by the kind of caller", (method, ...expected) => {
  const rule = methodPolicy(method).access;
  expect([undefined, user, admin, order, notification].map((caller) => decideAccess(rule, caller))).toEqual(expected);
});

test("guests may call what the contract opens to them, if the server accepts guests, only without an account", () => {
  const createOrder = methodPolicy(OrderService.method.createOrder).access;
  const decide = (rule: typeof createOrder, caller?: Caller) => decideAccess(rule, caller, { guests: true });
  expect(decide(createOrder)).toBe("if-unowned");
  expect([user, admin, order].map((caller) => decide(createOrder, caller))).toEqual(["if-owner", "allowed", "denied"]);
  for (const { access } of [...OrderService.methods, ...UserService.methods].map(methodPolicy)) {
    expect(decide(access)).toBe(access.guests ? "if-unowned" : decideAccess(access, undefined));
    expect(decideAccess(access, undefined)).not.toBe("if-unowned");
  }
  // Only an owner's method without a lookup can have a request without an owner.
  for (const other of [{ caller: Kind.ADMIN }, { caller: Kind.SIGNED_IN }, { ownerOf: "order" }]) {
    expect(decide({ ...createOrder, ...other })).toBe("unauthenticated");
  }
});

test("a service may call service methods that name none, and an admin's method only if named", () => {
  const rule = { caller: Kind.SERVICE, ownerField: "", ownerOf: "", services: [], guests: false };
  expect(decideAccess(rule, notification)).toBe("allowed");
  expect(decideAccess({ ...rule, caller: Kind.UNSPECIFIED }, notification)).toBe("allowed");
  expect(decideAccess({ ...rule, caller: Kind.ADMIN }, notification)).toBe("denied");
  expect(decideAccess({ ...rule, caller: Kind.SIGNED_IN }, notification)).toBe("denied");
  expect(decideAccess({ ...rule, caller: Kind.ADMIN, services: ["notification"] }, notification)).toBe("allowed");
});
