import { methodPolicy } from "@parley/contract";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { expect, test } from "vitest";
import type { Caller } from "../call/call-context.ts";
import { decideAccess } from "./access-decision.ts";

const user: Caller = { kind: "user", id: "1" };
const admin: Caller = { kind: "admin", id: "2" };
const service: Caller = { kind: "service", id: "order" };

const rules = [
  // rule, nobody, user, admin, service
  [ProductService.method.getProduct, "allowed", "allowed", "allowed", "allowed"],
  [OrderService.method.createOrder, "unauthenticated", "if-owner", "allowed", "allowed"],
  [ProductService.method.createProduct, "unauthenticated", "denied", "allowed", "allowed"],
  [UserService.method.validateUser, "unauthenticated", "denied", "denied", "allowed"],
] as const;

test.each(rules)("%s decides by the kind of caller", (method, ...expected) => {
  const rule = methodPolicy(method).access;
  expect([undefined, user, admin, service].map((caller) => decideAccess(rule, caller))).toEqual(expected);
});
