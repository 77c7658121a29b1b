import type { HandlerContext } from "@connectrpc/connect";
import { ServerCall } from "@parley/rpc/internal";

/** One header of a call. The runtime's own calls return it without building Web headers of all. */
export function requestHeader(context: HandlerContext, name: string): string | undefined {
  return context instanceof ServerCall ? context.incoming.header(name) : (context.requestHeader.get(name) ?? undefined);
}
