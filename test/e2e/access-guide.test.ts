import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import { methodPolicy } from "@parley/contract";
import { CallEchoService, EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { EventService } from "@parley/gen/event/v1/event_service_pb.js";
import { NotificationService } from "@parley/gen/notification/v1/notification_service_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { Caller } from "@parley/gen/rpc/v1/options_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { expect, test } from "vitest";
import { root } from "./running-stack.ts";

const guide = readFileSync(join(root, "docs/access.md"), "utf8");
const columns = [Caller.PUBLIC, Caller.OWNER, Caller.ADMIN, Caller.SERVICE];

test.each([
  UserService,
  ProductService,
  InventoryService,
  OrderService,
  NotificationService,
  EventService,
  EchoService,
  CallEchoService,
])("docs/access.md says who may call $typeName", (service) => {
  const line = guide.split("\n").find((text) => text.startsWith(`| \`${service.typeName}\` |`));
  expect(line).toBe(rowOf(service));
});

/** A contract's row: its methods by who may call them. Every method has a place, or the row is too short. */
function rowOf({ typeName, methods }: DescService): string {
  const callerOf = new Map(methods.map((method) => [method.name, methodPolicy(method).access.caller]));
  expect([...callerOf.values()].filter((caller) => !columns.includes(caller))).toEqual([]);
  const cells = columns.map((column) => methods.filter(({ name }) => callerOf.get(name) === column));
  return `| \`${typeName}\` | ${cells.map((cell) => cell.map(({ name }) => name).join(" ")).join(" | ")} |`;
}
