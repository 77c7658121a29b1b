/**
 * A statement that fails unless the given one, with RETURNING, returns as many rows as the last parameter says. The server can then answer it together
 * with COMMIT: it skips COMMIT after an error. The text that cannot be cast is the message in the server's log.
 */
export function requiringRows(sql: string): string {
  return `WITH changed AS (${sql})
    SELECT CASE WHEN count(*) = ? THEN 1 ELSE CAST(count(*) || ' rows were changed, not all' AS INTEGER) END AS all_changed FROM changed`;
}

/** SQLSTATE invalid_text_representation. */
export const rowsMissing = "22P02";
