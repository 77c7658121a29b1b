import type { Environment } from "@parley/rpc";

/** How long one operation of the client may take, with its retries, before the connections are replaced, in milliseconds. */
export const stepTimeoutMs = 20_000;
/** How long to wait for connections to close, in milliseconds. Those to a broker that is gone do not close in an orderly way. */
export const closeTimeoutMs = 2000;

/** The operation's outcome, or a rejection after the timeout: a client that lost its broker may never settle the promise. */
export function within<T>(step: Promise<T>, clock: Environment["clock"], timeoutMs = stepTimeoutMs): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const cancel = clock.after(timeoutMs, () => reject(new Error(`Kafka did not answer within ${timeoutMs} ms`)));
  // A failure after the timeout is ignored.
  step.catch(() => {});
  return Promise.race([step, promise]).finally(cancel);
}

/** Closes connections. Waits at most {@link closeTimeoutMs}. */
export async function closeAll(
  closing: readonly (Promise<unknown> | undefined)[],
  clock: Environment["clock"],
): Promise<void> {
  await within(Promise.allSettled(closing), clock, closeTimeoutMs).catch(() => {});
}
