import pg from "pg";

/** Converts PostgreSQL values to store values. The type OIDs are those of pg_type.dat. */
export const valueTypes: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") => {
    if (format === "binary") {
      return pg.types.getTypeParser(oid, format);
    }
    return parsers[oid] ?? pg.types.getTypeParser(oid, "text");
  }) as pg.CustomTypesConfig["getTypeParser"],
};

const boolType = 16;
const int8Type = 20;
const numericType = 1700;

const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  // Booleans are 0 or 1, as in SQLite.
  [boolType]: (text) => (text === "t" ? 1 : 0),
  [int8Type]: wholeNumber,
  // SUM over BIGINT returns NUMERIC.
  [numericType]: (text) => (text.includes(".") ? Number(text) : wholeNumber(text)),
};

function wholeNumber(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}
