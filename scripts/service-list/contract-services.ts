import {
  createFileRegistry,
  type DescFile,
  type DescService,
  type FileRegistry,
  fromBinary,
  getOption,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** A service of proto/. */
export interface ContractService {
  /** For example `order.v1.OrderService`. */
  readonly typeName: string;
  /** Its name in generated code, for example `OrderService`. */
  readonly exportName: string;
  /** Its generated file, relative to gen/. */
  readonly file: string;
  /** The process that serves it. */
  readonly process: string;
  /** The command group of `parley` with its methods. */
  readonly commandGroup: string;
  /** Its property in `ParleyClient`. */
  readonly clientProperty: string;
  /** The first sentence of its comment. */
  readonly description: string;
  /** Whether external callers may call any of its methods. */
  readonly exposed: boolean;
}

/** The declarations in proto/. */
export interface Contracts {
  readonly services: readonly ContractService[];
  /** The generated files of every contract package with an exposed service. */
  readonly publicFiles: readonly string[];
}

/** Two contracts use the same name where it must be unique. */
export class ContractNameError extends Error {
  override readonly name = "ContractNameError";
}

/**
 * Reads the services from a descriptor set with comments. Options are resolved from the set itself, so that missing or stale
 * generated code does not matter.
 * @throws ContractNameError if two services have the same client property, or if two public contracts export the same name.
 */
export function readContracts(descriptorSet: Uint8Array, isContract: (protoFile: string) => boolean): Contracts {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  const files = [...registry.files].filter(({ proto }) => isContract(proto.name)).sort(byName);
  const services = files.flatMap((file) => file.services.map((service) => contractService(service, registry)));
  const exposedPackages = new Set(
    files.filter(({ services }) => services.some((service) => isExposed(service, registry))).map(packageOf),
  );
  const publicFiles = files.filter((file) => exposedPackages.has(packageOf(file)));
  refuseTwice(services.filter(({ exposed }) => exposed));
  refuseSameExports(publicFiles);
  return { services, publicFiles: publicFiles.map(generatedFile) };
}

function contractService(service: DescService, registry: FileRegistry): ContractService {
  const words = service.name.replace(/Service$/, "").split(/(?=[A-Z])/);
  const [first = "", ...rest] = words;
  const named = (option: string, otherwise: string) => textOption(service, registry, option) || otherwise;
  return {
    typeName: service.typeName,
    exportName: service.name,
    file: generatedFile(service.file),
    process: named("served_by", (packageOf(service.file).split(".")[0] ?? "").replaceAll("_", "-")),
    commandGroup: named("command_group", words.join("-").toLowerCase()),
    clientProperty: named("client_property", first.toLowerCase() + rest.join("")),
    description: firstSentence(service),
    exposed: isExposed(service, registry),
  };
}

function textOption(service: DescService, registry: FileRegistry, name: string): string {
  const extension = registry.getExtension(`rpc.v1.${name}`);
  return extension === undefined ? "" : String(getOption(service, extension));
}

function isExposed(service: DescService, registry: FileRegistry): boolean {
  const access = registry.getExtension("rpc.v1.access");
  const callers = registry.getEnum("rpc.v1.Caller");
  if (access === undefined || callers === undefined) {
    throw new Error("proto/rpc/v1/options.proto declares no option rpc.v1.access");
  }
  return service.methods.some((method) => {
    const { caller } = getOption(method, access) as { readonly caller?: number };
    return !["CALLER_UNSPECIFIED", "CALLER_SERVICE"].includes(callers.value[caller ?? 0]?.name ?? "");
  });
}

/** From the comment before the service (descriptor.proto, `SourceCodeInfo`: field 6 of a file contains its services). */
function firstSentence({ file, proto }: DescService): string {
  const place = `6.${file.proto.service.indexOf(proto)}`;
  const location = file.proto.sourceCodeInfo?.location.find(({ path }) => path.join(".") === place);
  const comment = (location?.leadingComments ?? "").replaceAll(/\s+/g, " ").trim();
  return /^.*?\.(?=\s|$)/.exec(comment)?.[0] ?? comment;
}

function refuseTwice(services: readonly ContractService[]): void {
  for (const [index, { typeName, clientProperty }] of services.entries()) {
    const other = services.slice(0, index).find((earlier) => earlier.clientProperty === clientProperty);
    if (other !== undefined) {
      throw new ContractNameError(
        `${other.typeName} and ${typeName} have the same client property, ${clientProperty}. Set (rpc.v1.client_property) of one.`,
      );
    }
  }
}

/** The client re-exports all public contracts by their short names. */
function refuseSameExports(files: readonly DescFile[]): void {
  const seen = new Map<string, string>();
  for (const file of files) {
    for (const { name, typeName } of [...file.messages, ...file.enums, ...file.services]) {
      const other = seen.get(name);
      if (other !== undefined) {
        throw new ContractNameError(
          `${other} and ${typeName} have the same short name, and @parley/client exports both. Rename one.`,
        );
      }
      seen.set(name, typeName);
    }
  }
}

function packageOf({ proto }: DescFile): string {
  return proto.package;
}

function generatedFile(file: DescFile): string {
  return `${file.name}_pb.js`;
}

function byName(one: DescFile, other: DescFile): number {
  return one.name < other.name ? -1 : 1;
}
