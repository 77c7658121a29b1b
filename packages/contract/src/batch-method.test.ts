import { clone, createFileRegistry, type DescMethod, setExtension } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { file_product_v1_inventory_service, InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { batch_method } from "@parley/gen/rpc/v1/options_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { describe, expect, it } from "vitest";
import { batchMethodOf } from "./batch-method.ts";

describe("a method's batch method", () => {
  it("is read from the contract", () => {
    expect(batchMethodOf(InventoryService.method.reserveStock)).toBe(InventoryService.method.batchReserveStock);
    expect(batchMethodOf(UserService.method.validateUser)).toBe(UserService.method.batchValidateUsers);
    expect(batchMethodOf(UserService.method.getUser)).toBeUndefined();
  });

  it.each([
    ["NoSuchMethod", "the service has no such method"],
    ["WatchStock", "both must be unary"],
    ["UpdateStock", "both must be repeatable"],
    ["CheckStock", "both must be restricted to services"],
    ["ReleaseStock", "must have the repeated fields requests and origins"],
  ])("%s is refused: %s", (name, problem) => {
    expect(() => batchMethodOf(reserveStockWith(name))).toThrow(problem);
  });
});

/** ReserveStock with another batch method in its contract. */
function reserveStockWith(batchMethod: string): DescMethod {
  const proto = clone(FileDescriptorProtoSchema, file_product_v1_inventory_service.proto);
  const options = proto.service[0]?.method.find(({ name }) => name === "ReserveStock")?.options ?? expect.fail();
  setExtension(options, batch_method, batchMethod);
  const registry = createFileRegistry(proto, (name) =>
    file_product_v1_inventory_service.dependencies.find((file) => `${file.name}.proto` === name),
  );
  return registry.getService(InventoryService.typeName)?.method.reserveStock ?? expect.fail();
}
