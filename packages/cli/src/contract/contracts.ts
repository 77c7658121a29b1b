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

/** The contracts with their comments, which generated code does not carry. Read once, when they are first asked for. */
export function readContracts(): FileRegistry {
  contracts ??= createFileRegistry(
    fromBinary(FileDescriptorSetSchema, readFileSync(new URL(import.meta.resolve("@parley/gen/contracts.binpb")))),
  );
  return contracts;
}

/** A service of the contracts. Throws where there is none. */
export function contractOf(typeName: string): DescService {
  const service = readContracts().getService(typeName);
  if (service === undefined) {
    throw new Error(`the contracts have no service ${typeName}; run npm run generate`);
  }
  return service;
}

/** The methods that the contracts open to people, by the names that they have as commands. */
export function methodCommands({ contracts }: ServiceGroup): readonly MethodCommand[] {
  return contracts.map(contractOf).flatMap((service) => {
    return service.methods.filter(isExposed).map((method) => ({ name: commandNameOf(method), method }));
  });
}
