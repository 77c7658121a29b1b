/**
 * Creates an error for a caller without a stack trace. Capturing one takes longer than the rest of a refusal, and callers never see it: an error's
 * reason and message explain it.
 */
export function withoutStack<E extends Error>(create: () => E): E {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return create();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
