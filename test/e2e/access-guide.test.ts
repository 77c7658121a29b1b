import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import { methodPolicy } from "@parley/contract";
import { Caller } from "@parley/gen/rpc/v1/options_pb.js";
import { expect, test } from "vitest";
import { servicesByProcess } from "../contracts.ts";
import { root } from "./running-stack.ts";

const guide = readFileSync(join(root, "docs/access.md"), "utf8");
const columns = [Caller.PUBLIC, Caller.OWNER, Caller.ADMIN, Caller.SERVICE];

test.each(Object.values(servicesByProcess).flat())("docs/access.md lists the access rules of $typeName", (service) => {
  const line = guide.split("\n").find((text) => text.startsWith(`| \`${service.typeName}\` |`));
  expect(line).toBe(rowOf(service));
});

/** A contract's row: its methods by access rule. A row that is too short misses a method. */
function rowOf({ typeName, methods }: DescService): string {
  const callerOf = new Map(methods.map((method) => [method.name, methodPolicy(method).access.caller]));
  expect([...callerOf.values()].filter((caller) => !columns.includes(caller))).toEqual([]);
  const cells = columns.map((column) => methods.filter(({ name }) => callerOf.get(name) === column));
  return `| \`${typeName}\` | ${cells.map((cell) => cell.map(({ name }) => name).join(" ")).join(" | ")} |`;
}
