import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

/** Packages whose statements run on both engines. The engines' own folders in packages/store are exempt. */
const sources = globSync("packages/{store,events,user,product,order,notification}/src/**/*.ts", {
  cwd: join(import.meta.dirname, ".."),
}).filter(
  (path) => !/\.test\.ts$|[\\/]testing[\\/]|store[\\/]src[\\/](sqlite|postgres|server|migrate-data)[\\/]/.test(path),
);

/** Syntax of one engine only, or that some PostgreSQL-compatible database lacks (docs/store.md). */
const forbidden: readonly (readonly [what: RegExp, why: string])[] = [
  [/\bINSERT OR\b/i, "INSERT OR is SQLite's: ON CONFLICT"],
  [/\browid\b/i, "rowid is SQLite's"],
  [/\bPRAGMA\b/i, "PRAGMA is SQLite's"],
  [/\b(SERIAL|BIGSERIAL|NEXTVAL|CREATE SEQUENCE)\b/i, "sequences become visible out of order"],
  [/\bILIKE\b|\bSIMILAR TO\b/i, "ILIKE is PostgreSQL's"],
  [/\b(now|current_timestamp|strftime|datetime|random)\s*\(/i, "time and chance are parameters"],
  [/\b(json|jsonb)_\w+\s*\(/i, "JSON functions differ"],
  [/\b(LISTEN|NOTIFY|pg_\w+)\b/, "PostgreSQL's alone"],
  [/\bSKIP LOCKED\b|\bSAVEPOINT\b|\bLOCK TABLE\b/i, "not on every engine"],
  [/\b(IFNULL|GROUP_CONCAT|STRING_AGG|ISNULL)\b/i, "one engine's function: COALESCE"],
  [/\bFOR UPDATE\b(?!\s*$)/, "FOR UPDATE stands at the end"],
  [/\bBOOLEAN\b|\bTIMESTAMP|\bVARCHAR\b|\bJSONB?\b|\bUUID\b/, "types: TEXT, INTEGER, BIGINT, DOUBLE PRECISION, BLOB"],
  [/\$\d/, "parameters are ?"],
  [/"[a-z_]+"/, "names stand without quotes"],
];

const isStatement =
  /^\s*(SELECT\b|INSERT (INTO|OR)\b|UPDATE \S+ SET\b|DELETE FROM\b|CREATE (UNIQUE )?(TABLE|INDEX)\b|ALTER TABLE\b|WITH \w+ AS\b|DROP (TABLE|INDEX)\b)/;

/** The texts in quotes or backticks that start like SQL statements. Template expressions are replaced with `_`. */
function statementsOf(source: string): readonly string[] {
  const texts =
    source.replaceAll(/\/\*[\s\S]*?\*\//g, "").match(/`(?:\\.|\$\{[^}]*\}|[^`\\])*`|"(?:\\.|[^"\\\n])*"/g) ?? [];
  return texts
    .map((text) => text.slice(1, -1).replaceAll(/\$\{[^}]*\}/g, "_"))
    .filter((text) => isStatement.test(text));
}

function faultsOf(statement: string): readonly string[] {
  const faults = forbidden.filter(([what]) => what.test(statement)).map(([, why]) => why);
  // Array parameters are used only in statements for PostgreSQL.
  const isSet = /\?::\w+\[\]|\b_::|unnest\(/.test(statement);
  return !isSet && statement.includes("::") ? [...faults, ":: is PostgreSQL's: CAST"] : faults;
}

describe("portable SQL", () => {
  it("is the only SQL of the services", () => {
    let count = 0;
    const found = sources.flatMap((path) =>
      statementsOf(readFileSync(join(import.meta.dirname, "..", path), "utf8")).flatMap((statement) => {
        count++;
        return faultsOf(statement).map((why) => `${path}: ${why}: ${statement.trim().slice(0, 80)}`);
      }),
    );
    expect(found).toEqual([]);
    // Guards against a check that finds no statements.
    expect(count).toBeGreaterThan(80);
  });

  it.each([
    "INSERT OR REPLACE INTO t VALUES (?)",
    "SELECT rowid FROM t",
    "SELECT id FROM t WHERE a ILIKE ?",
    "UPDATE t SET a = now()",
    "SELECT a::text FROM t",
    "SELECT id FROM t WHERE id = $1",
    "SELECT id FROM t FOR UPDATE SKIP LOCKED",
    'SELECT "id" FROM t',
    "CREATE TABLE t (id UUID)",
  ])("refuses %s", (statement) => {
    expect(statementsOf(`run(\`${statement}\`)`)).toEqual([statement]);
    expect(faultsOf(statement)).not.toEqual([]);
  });
});
