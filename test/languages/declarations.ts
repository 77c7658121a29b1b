import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { createFileRegistry, type DescMessage, type DescService, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const root = join(import.meta.dirname, "../..");
const googlePath = "node_modules/google-gax/build/protos";

/** The npm packages that publish the files of standard/. */
export const publishedConfig = {
  version: "v2",
  modules: [
    {
      path: googlePath,
      includes: ["api", "rpc", "type"].map((name) => `${googlePath}/google/${name}`),
      excludes: ["apikeys", "cloudquotas", "expr", "servicecontrol", "servicemanagement", "serviceusage"].map(
        (name) => `${googlePath}/google/api/${name}`,
      ),
    },
    { path: "node_modules/grpc-health-check/proto" },
    {
      path: "node_modules/@grpc/reflection/build/proto",
      includes: ["node_modules/@grpc/reflection/build/proto/grpc"],
    },
  ],
};

/** All declarations in the modules of a buf configuration, one line each: names, numbers, types, labels, oneofs, streaming. */
export function declarationsOf(config: object, packages: readonly string[]): readonly string[] {
  const bytes = execFileSync(
    join(root, "node_modules/.bin/buf"),
    ["build", "--config", JSON.stringify(config), "--as-file-descriptor-set", "--exclude-source-info", "-o", "-"],
    { cwd: root, maxBuffer: 64 * 1024 * 1024 },
  );
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
  const isWanted = (typeName: string) =>
    !typeName.startsWith("google.protobuf.") &&
    (packages.length === 0 || packages.some((name) => typeName.startsWith(`${name}.`)));
  return [...registry].flatMap((type) => {
    if (!isWanted(type.typeName)) {
      return [];
    }
    switch (type.kind) {
      case "message":
        return fieldsOf(type);
      case "enum":
        return type.values.map(({ name, number }) => `${type.typeName}.${name} = ${number}`);
      case "service":
        return methodsOf(type);
      case "extension":
        return [`extend ${type.extendee.typeName} ${type.typeName} = ${type.number}`];
      default:
        throw new TypeError("a registry has no other types");
    }
  });
}

function fieldsOf({ typeName, fields, proto }: DescMessage): readonly string[] {
  return fields.map(({ name, number, jsonName, proto: field, oneof }) => {
    const type = `${field.type}:${field.typeName.replace(/^\./, "")}:${field.label}`;
    const map = proto.options?.mapEntry === true ? " map entry" : "";
    return `${typeName}.${name} = ${number} ${type} ${jsonName} ${oneof?.name ?? "-"}${map}`;
  });
}

function methodsOf({ typeName, methods }: DescService): readonly string[] {
  return methods.map(
    ({ name, methodKind, input, output }) => `${typeName}/${name} ${methodKind} ${input.typeName} ${output.typeName}`,
  );
}
