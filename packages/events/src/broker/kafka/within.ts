import type { Environment } from "@parley/rpc";

/** How long one step with Kafka may take, retries of the client included, before its connections are made anew, in milliseconds. */
export const stepTimeoutMs = 20_000;
/** How long closing connections may take before they are left to themselves: those to a broker that is gone cannot say goodbye. */
export const closeTimeoutMs = 2000;

/** A step's outcome, or a rejection when it takes too long: a client whose broker has vanished may never call back. */
export function within<T>(step: Promise<T>, clock: Environment["clock"], timeoutMs = stepTimeoutMs): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const cancel = clock.after(timeoutMs, () => reject(new Error(`Kafka did not answer within ${timeoutMs} ms`)));
  // What fails after that concerns no one.
  step.catch(() => {});
  return Promise.race([step, promise]).finally(cancel);
}

/** Closes connections, and waits for that only so long. */
export async function closeAll(
  closing: readonly (Promise<unknown> | undefined)[],
  clock: Environment["clock"],
): Promise<void> {
  await within(Promise.allSettled(closing), clock, closeTimeoutMs).catch(() => {});
}
