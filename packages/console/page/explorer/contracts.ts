import {
  createFileRegistry,
  type DescMethod,
  type DescService,
  type FileRegistry,
  fromBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { isExposed } from "@parley/contract";
import { signal } from "@preact/signals";
import { baseUrl } from "../session/api.ts";

/** All contracts with their comments. Undefined until loaded. */
export const registry = signal<FileRegistry | undefined>(undefined);
export const registryError = signal<unknown>(undefined);

export async function readContracts(): Promise<void> {
  if (registry.value !== undefined) {
    return;
  }
  try {
    const response = await fetch(`${baseUrl}/console/contracts.binpb`);
    if (!response.ok) {
      throw new Error(`The contracts could not be loaded: HTTP ${response.status}.`);
    }
    registry.value = createFileRegistry(
      fromBinary(FileDescriptorSetSchema, new Uint8Array(await response.arrayBuffer())),
    );
    registryError.value = undefined;
  } catch (error) {
    registryError.value = error;
  }
}

/** The services with methods that clients other than services may call, the shop's first. */
export function offeredServices(contracts: FileRegistry): readonly DescService[] {
  const services = [...contracts.files]
    .flatMap((file) => file.services)
    .filter(({ methods }) => methods.some(isExposed));
  const place = ({ typeName }: DescService) => (/^(rpc|gateway)\./.test(typeName) ? 1 : 0);
  return services.sort((one, other) => place(one) - place(other) || (one.typeName < other.typeName ? -1 : 1));
}

export function offeredMethods(service: DescService): readonly DescMethod[] {
  return service.methods.filter(isExposed);
}

export function findMethod(contracts: FileRegistry, service: string, name: string): DescMethod | undefined {
  return contracts.getService(service)?.methods.find((method) => method.name === name);
}
