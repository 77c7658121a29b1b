/** What an error of a connection says, those of several addresses one after another. */
export function errorWords(cause: unknown): string {
  if (cause instanceof AggregateError) {
    return [...new Set(cause.errors.map(errorWords))].join("; ");
  }
  if (cause instanceof Error) {
    return cause.message || String((cause as NodeJS.ErrnoException).code ?? cause.name);
  }
  return String(cause);
}
