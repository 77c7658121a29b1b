import pg from "pg";

/** How PostgreSQL's values become the store's. Object identifiers of types: pg_type.dat. */
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
  // Truth is 0 or 1, as in SQLite.
  [boolType]: (text) => (text === "t" ? 1 : 0),
  [int8Type]: wholeNumber,
  // What SUM over BIGINT gives.
  [numericType]: (text) => (text.includes(".") ? Number(text) : wholeNumber(text)),
};

function wholeNumber(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}
