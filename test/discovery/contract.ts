import { clone, create, createFileRegistry, type DescService, setExtension } from "@bufbuild/protobuf";
import { DurationSchema, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { timeout } from "@parley/gen/rpc/v1/options_pb.js";

/** Calls take a few milliseconds, but a process on a busy machine may stall for longer than a second. */
const timeoutSeconds = 10n;

/** The echo contract with a deadline that a busy machine meets. Same names, same retries. */
export const PatientEchoService = patient(EchoService) as typeof EchoService;

function patient({ file, typeName }: DescService): DescService {
  const proto = clone(FileDescriptorProtoSchema, file.proto);
  for (const { options } of proto.service.flatMap(({ method }) => method)) {
    if (options !== undefined) {
      setExtension(options, timeout, create(DurationSchema, { seconds: timeoutSeconds }));
    }
  }
  const service = createFileRegistry(proto, (path) =>
    file.dependencies.find(({ name }) => `${name}.proto` === path),
  ).getService(typeName);
  if (service === undefined) {
    throw new Error(`the contract has no service ${typeName}`);
  }
  return service;
}
