import { readFileSync } from "node:fs";
import {
  createFileRegistry,
  type DescMethod,
  type DescService,
  type FileRegistry,
  fromBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { commandNameOf, isExposed } from "@parley/contract";
import type { ServiceGroup } from "./service-groups.ts";

/** A method as a command. */
export interface MethodCommand {
  readonly name: string;
  readonly method: DescMethod;
}

let contracts: FileRegistry | undefined;

/** The contracts with their comments, which generated code does not contain. Read once, when first needed. */
export function readContracts(): FileRegistry {
  contracts ??= createFileRegistry(
    fromBinary(FileDescriptorSetSchema, readFileSync(new URL(import.meta.resolve("@parley/gen/contracts.binpb")))),
  );
  return contracts;
}

/** A service of the contracts. Throws for an unknown one. */
export function contractOf(typeName: string): DescService {
  const service = readContracts().getService(typeName);
  if (service === undefined) {
    throw new Error(`the contracts have no service ${typeName}; run npm run generate`);
  }
  return service;
}

/** The public methods of the contracts, by their command names. */
export function methodCommands({ contracts }: ServiceGroup): readonly MethodCommand[] {
  return contracts.map(contractOf).flatMap((service) => {
    return service.methods.filter(isExposed).map((method) => ({ name: commandNameOf(method), method }));
  });
}
