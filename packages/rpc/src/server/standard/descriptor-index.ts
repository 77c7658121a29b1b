import {
  clone,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescService,
} from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** An index of the files of the given services, of more files, and of their transitive imports. */
export interface DescriptorIndex {
  /** The full names of the services, sorted. */
  readonly serviceNames: readonly string[];
  file(name: string): DescFile | undefined;
  /** The file's descriptor without the methods that are not offered. */
  protoOf(file: DescFile): FileDescriptorProto;
  /** The file that declares a symbol: the full name of a service, method, message, field, oneof, enum, enum value or extension. */
  fileOfSymbol(symbol: string): DescFile | undefined;
  fileOfExtension(containingType: string, extensionNumber: number): DescFile | undefined;
  /** The numbers of all extensions of a message, sorted. Undefined if the message is unknown. */
  extensionNumbers(typeName: string): number[] | undefined;
}

export interface DescriptorIndexOptions {
  readonly services: readonly DescService[];
  /** Files besides those of the services. */
  readonly more: readonly DescFile[];
  /** Whether the index includes a method of the services. */
  offers(method: DescMethod): boolean;
}

/** Creates the index. Reads each file once. */
export function createDescriptorIndex({ services, more, offers }: DescriptorIndexOptions): DescriptorIndex {
  const hidden = new Set(services.flatMap(({ methods }) => methods.filter((method) => !offers(method))));
  const protos = new Map<DescFile, FileDescriptorProto>();
  const files = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const messages = new Set<string>();
  const extensions = new Map<string, Map<number, DescFile>>();
  for (const service of services) {
    addFile(service.file);
  }
  more.forEach(addFile);
  return {
    serviceNames: services.map(({ typeName }) => typeName).sort(),
    file: (name) => files.get(name),
    protoOf(file) {
      let proto = protos.get(file);
      if (proto === undefined) {
        proto = withoutHidden(file, hidden);
        protos.set(file, proto);
      }
      return proto;
    },
    // Some clients send a leading dot, as in descriptors.
    fileOfSymbol: (symbol) => symbols.get(symbol.replace(/^\./, "")),
    fileOfExtension: (containingType, extensionNumber) => extensions.get(containingType)?.get(extensionNumber),
    extensionNumbers(typeName) {
      const numbers = [...(extensions.get(typeName)?.keys() ?? [])].sort((a, b) => a - b);
      return messages.has(typeName) || numbers.length > 0 ? numbers : undefined;
    },
  };

  function addFile(file: DescFile): void {
    if (files.has(file.proto.name)) {
      return;
    }
    files.set(file.proto.name, file);
    file.dependencies.forEach(addFile);
    for (const service of file.services) {
      symbols.set(service.typeName, file);
      for (const method of service.methods.filter((each) => !hidden.has(each))) {
        symbols.set(`${service.typeName}.${method.name}`, file);
      }
    }
    file.messages.forEach(addMessage);
    addEnums(file);
    file.extensions.forEach(addExtension);
  }

  function addMessage(message: DescMessage): void {
    messages.add(message.typeName);
    symbols.set(message.typeName, message.file);
    for (const { name } of [...message.fields, ...message.oneofs]) {
      symbols.set(`${message.typeName}.${name}`, message.file);
    }
    message.nestedMessages.forEach(addMessage);
    addEnums({ enums: message.nestedEnums });
    message.nestedExtensions.forEach(addExtension);
  }

  function addEnums({ enums }: Pick<DescFile, "enums">): void {
    for (const one of enums) {
      symbols.set(one.typeName, one.file);
      // The scope of an enum's values is that of the enum, not the enum itself.
      const scope = one.typeName.slice(0, one.typeName.lastIndexOf(".") + 1);
      for (const { name } of one.values) {
        symbols.set(`${scope}${name}`, one.file);
      }
    }
  }

  function addExtension(extension: DescExtension): void {
    symbols.set(extension.typeName, extension.file);
    const { typeName } = extension.extendee;
    const known = extensions.get(typeName) ?? new Map<number, DescFile>();
    known.set(extension.number, extension.file);
    extensions.set(typeName, known);
  }
}

function withoutHidden(file: DescFile, hidden: ReadonlySet<DescMethod>): FileDescriptorProto {
  const methods = file.services.flatMap((service) => service.methods).filter((method) => hidden.has(method));
  if (methods.length === 0) {
    return file.proto;
  }
  const proto = clone(FileDescriptorProtoSchema, file.proto);
  for (const { name, parent } of methods) {
    const service = proto.service[file.services.indexOf(parent)];
    if (service !== undefined) {
      service.method = service.method.filter((method) => method.name !== name);
    }
  }
  return proto;
}
