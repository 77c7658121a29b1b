import { type CallOptions, type ContextKey, createContextKey, createContextValues } from "@connectrpc/connect";

const waitForReadyKey: ContextKey<boolean> = createContextKey(false, { description: "wait for ready" });

/**
 * Options for a call that waits, within its deadline, for a target that cannot be reached yet, where others fail at once (gRPC's
 * "wait for ready"). Adds to the options given.
 */
export function waitForReady(options: CallOptions = {}): CallOptions {
  return { ...options, contextValues: (options.contextValues ?? createContextValues()).set(waitForReadyKey, true) };
}

/** Whether a call was made so. */
export function waitsForReady(values: { get<T>(key: ContextKey<T>): T } | undefined): boolean {
  return values?.get(waitForReadyKey) ?? false;
}
