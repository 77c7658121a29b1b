import type { DescMethod } from "@bufbuild/protobuf";
import type { ServiceModule } from "@parley/rpc/server";

/** A unary method of any service, as its implementation is called. */
// biome-ignore lint/suspicious/noExplicitAny: one type for the methods of all services, which differ in every message.
export type AnyUnary = (request: any, context: any) => Promise<any>;

/** The module with another implementation of one of its methods, made from the one that it has. */
export function replaceMethod(
  module: ServiceModule,
  method: DescMethod,
  replacement: (original: AnyUnary) => AnyUnary,
): ServiceModule {
  const entries = module.entries.map((entry) => {
    if (entry.service.typeName !== method.parent.typeName) return entry;
    const original = entry.implementation[method.localName] as unknown as AnyUnary;
    return {
      ...entry,
      implementation: { ...entry.implementation, [method.localName]: replacement(original) as never },
    };
  });
  return { ...module, entries };
}
