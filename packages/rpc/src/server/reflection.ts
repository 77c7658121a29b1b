import type { DescService } from "@bufbuild/protobuf";
import type { ServiceEntry } from "./service-module.ts";

export function reflectionEntries(_services: readonly DescService[]): ServiceEntry[] {
  return [];
}
