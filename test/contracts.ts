// The services of all contracts, for tests that cover them.
import { readFileSync } from "node:fs";
import { createFileRegistry, type DescService, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { processes } from "@parley/gen/services.js";

const descriptorSet = readFileSync(new URL(import.meta.resolve("@parley/gen/contracts.binpb")));
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));

/** The services of each process except the gateway, which serves all public ones. */
export const servicesByProcess: Readonly<Record<string, readonly DescService[]>> = Object.fromEntries(
  processes
    .filter(({ name }) => name !== "gateway")
    .map(({ name, contracts }) => [name, contracts.map((typeName) => serviceNamed(typeName))]),
);

function serviceNamed(typeName: string): DescService {
  const service = registry.getService(typeName);
  if (service === undefined) {
    throw new Error(`gen/contracts.binpb has no service ${typeName}; run npm run generate`);
  }
  return service;
}
