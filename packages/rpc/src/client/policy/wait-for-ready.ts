import { type CallOptions, type ContextKey, createContextKey, createContextValues } from "@connectrpc/connect";

const waitForReadyKey: ContextKey<boolean> = createContextKey(false, { description: "wait for ready" });

/**
 * Options for a call that waits, within its deadline, for a target that is unreachable, instead of failing at once (gRPC's
 * "wait for ready"). Adds to the given options.
 */
export function waitForReady(options: CallOptions = {}): CallOptions {
  return { ...options, contextValues: (options.contextValues ?? createContextValues()).set(waitForReadyKey, true) };
}

/** Whether a call has this option. */
export function waitsForReady(values: { get<T>(key: ContextKey<T>): T } | undefined): boolean {
  return values?.get(waitForReadyKey) ?? false;
}
