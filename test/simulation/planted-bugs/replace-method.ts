import type { DescMethodUnary } from "@bufbuild/protobuf";
import { batchMethodOf } from "@parley/contract";
import { batchOf, type ServiceModule } from "@parley/rpc/server";

/** A unary method of any service, as its implementation is called. */
// biome-ignore lint/suspicious/noExplicitAny: one type for the methods of all services, which differ in every message.
export type AnyUnary = (request: any, context: any) => Promise<any>;

/**
 * The module with another implementation of a method, made from the original one. A batch method is replaced too, because
 * concurrent calls use it.
 */
export function replaceMethod(
  module: ServiceModule,
  method: DescMethodUnary,
  replacement: (original: AnyUnary) => AnyUnary,
): ServiceModule {
  const batchMethod = batchMethodOf(method);
  const entries = module.entries.map((entry) => {
    if (entry.service.typeName !== method.parent.typeName) return entry;
    const own = replacement(entry.implementation[method.localName] as unknown as AnyUnary);
    const implementation = {
      ...entry.implementation,
      [method.localName]: own as never,
      ...(batchMethod && { [batchMethod.localName]: batchOf(method, () => own) as never }),
    };
    return { ...entry, implementation };
  });
  return { ...module, entries };
}
