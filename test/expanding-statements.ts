/**
 * The statements of a migration that could break a replica of the previous release (CONTRIBUTING.md, "Migrations"): all but new tables and
 * indexes, new columns that may be left out, and new values. A unique index on a table that was there before refuses what the older release
 * writes.
 */
export function contractingStatements(sql: string): readonly string[] {
  const statements = sql
    .split(";")
    .map((statement) => statement.replaceAll(/\s+/g, " ").trim())
    .filter((statement) => statement !== "");
  const created = new Set(statements.map((statement) => /^CREATE TABLE (\w+)/i.exec(statement)?.[1]));
  return statements.filter((statement) => {
    const uniqueOn = /^CREATE UNIQUE INDEX \w+ ON (\w+)/i.exec(statement)?.[1];
    if (uniqueOn !== undefined) {
      return !created.has(uniqueOn);
    }
    if (/^ALTER TABLE \w+ ADD COLUMN /i.test(statement)) {
      const mayBeLeftOut = !/\bNOT NULL\b/i.test(statement) || /\bDEFAULT\b/i.test(statement);
      return !mayBeLeftOut || /\b(UNIQUE|PRIMARY KEY|REFERENCES|CHECK)\b/i.test(statement);
    }
    return !/^(CREATE (TABLE|INDEX)|DROP INDEX|INSERT INTO|UPDATE) /i.test(statement);
  });
}
