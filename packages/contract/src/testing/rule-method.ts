import type { MessageInitShape } from "@bufbuild/protobuf";
import { clearExtension, clone, create, createFileRegistry, type DescMethod, setExtension } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import { http } from "@parley/gen/google/api/annotations_pb.js";
import type { HttpRule } from "@parley/gen/google/api/http_pb.js";
import { HttpRuleSchema } from "@parley/gen/google/api/http_pb.js";
import { libraryService } from "./compile.ts";

const service = libraryService();

/** A method of the fixture with another rule than the contract's. */
export function methodWithRule(name: string, rule: MessageInitShape<typeof HttpRuleSchema>): DescMethod {
  return rewritten(name, (options) => setExtension(options, http, create(HttpRuleSchema, rule) as HttpRule));
}

function rewritten(
  name: string,
  rewrite: (options: ReturnType<typeof create<typeof MethodOptionsSchema>>) => void,
): DescMethod {
  const file = clone(FileDescriptorProtoSchema, service.file.proto);
  for (const method of file.service[0]?.method ?? []) {
    if (method.name === name) {
      method.options = create(MethodOptionsSchema);
      clearExtension(method.options, http);
      rewrite(method.options);
    }
  }
  const registry = createFileRegistry(file, (path) =>
    service.file.dependencies.find((each) => `${each.name}.proto` === path),
  );
  const method = registry.getService(service.typeName)?.methods.find((each) => each.name === name);
  if (method === undefined) {
    throw new Error(`the fixture has no method ${name}`);
  }
  return method;
}
