import type { DescService } from "@bufbuild/protobuf";
import { publicServices as publicContracts } from "@parley/gen/public-services.js";
import { type PublicProcessName, publicProcesses } from "@parley/gen/services.js";

/** The processes behind the gateway, by name. */
export type BackendName = PublicProcessName;

/** A service that the gateway offers, and the process that serves it. */
export interface PublicService {
  readonly service: DescService;
  readonly backend: BackendName;
}

/** The gateway's services: every service of the contracts with a public method. Methods for services only are left out. */
export const publicServices: readonly PublicService[] = Object.values(publicContracts).map((service) => ({
  service,
  backend: backendOf(service),
}));

function backendOf({ typeName }: DescService): BackendName {
  const process = publicProcesses.find(({ contracts }) => contracts.includes(typeName));
  if (process === undefined) {
    throw new Error(`no process serves ${typeName}; run npm run generate`);
  }
  return process.name;
}
