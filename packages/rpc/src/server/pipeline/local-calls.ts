import type { DescMethod } from "@bufbuild/protobuf";
import type { ContextValues, Transport } from "@connectrpc/connect";

/** Calls of methods in the same process, with all that the server does around a call. */
export interface LocalCalls extends Transport {
  /**
   * Checks a call's caller by its headers, before its request is read: identity and role. Rejects with the call's error where it is refused;
   * the refused call is logged and counted as any other. Does nothing where callers need not sign in.
   */
  admit(method: DescMethod, start: LocalCallStart): Promise<void>;
}

/** What is known of a call before its request is read. */
export interface LocalCallStart {
  readonly header: ConstructorParameters<typeof Headers>[0];
  readonly contextValues?: ContextValues | undefined;
}
