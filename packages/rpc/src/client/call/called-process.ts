import type { DescService } from "@bufbuild/protobuf";
import { getOption, hasOption } from "@bufbuild/protobuf";
import { served_by } from "@parley/gen/rpc/v1/options_pb.js";
import { TelemetryService } from "@parley/gen/rpc/v1/telemetry_pb.js";

/** The process that serves a contract: its `served_by`, or the first part of its package. */
export function nameOfProcess(service: DescService): string {
  let name = names.get(service);
  if (name === undefined) {
    const first = (service.file.proto.package.split(".")[0] ?? "").replaceAll("_", "-");
    name = hasOption(service, served_by) ? getOption(service, served_by) : first;
    names.set(service, name);
  }
  return name;
}

const names = new WeakMap<DescService, string>();

/** Health, reflection and telemetry: calls about the platform, not part of its work. */
export function isDiagnostic({ typeName }: DescService): boolean {
  return typeName.startsWith("grpc.") || typeName === TelemetryService.typeName;
}
