import { batchMethodOf } from "@parley/contract";
import type { ServiceEntry, ServiceModule } from "@parley/rpc/server";

/** The module of an earlier release, without batch methods. */
export function earlierRelease(module: ServiceModule): ServiceModule {
  return { ...module, entries: module.entries.map(withoutBatches) };
}

function withoutBatches(entry: ServiceEntry): ServiceEntry {
  const batchNames = new Set(entry.service.methods.map((method) => batchMethodOf(method)?.localName));
  const methods = Object.entries(entry.implementation).filter(([name]) => !batchNames.has(name));
  return { ...entry, implementation: Object.fromEntries(methods) };
}
