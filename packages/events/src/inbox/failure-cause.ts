import { storableText } from "@parley/store";

/** Characters stored of a cause: enough to recognise it, too few to fill a database. */
const causeLengthMax = 500;

/** The cause of a failure, as text. */
export function causeOf(error: unknown): string {
  const text = storableText(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  return text.length > causeLengthMax ? `${text.slice(0, causeLengthMax - 1)}…` : text;
}
