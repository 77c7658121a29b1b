/** Characters of a cause that are kept: enough to see what it was, too few to fill a database. */
const causeLengthMax = 500;

/** Why something failed, in words to keep. */
export function causeOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.length > causeLengthMax ? `${text.slice(0, causeLengthMax - 1)}…` : text;
}
