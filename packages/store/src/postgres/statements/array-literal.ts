import type { SqlColumn, SqlValue } from "../../database.ts";

/** A parameter as PostgreSQL reads it: text, or bytes. */
export function parameterText(parameter: SqlValue | SqlColumn): string | Buffer | null {
  if (parameter === null || typeof parameter === "string") {
    return parameter;
  }
  if (parameter instanceof Uint8Array) {
    return bufferOf(parameter);
  }
  return typeof parameter === "object" ? arrayLiteral(parameter) : String(parameter);
}

/** The literal of an array (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). */
export function arrayLiteral(values: SqlColumn): string {
  let text = "{";
  for (const [index, value] of values.entries()) {
    if (index > 0) {
      text += ",";
    }
    if (value === null) {
      text += "NULL";
    } else if (typeof value === "string") {
      text += special.test(value) ? `"${value.replaceAll(specials, "\\$&")}"` : `"${value}"`;
    } else if (value instanceof Uint8Array) {
      text += `"\\\\x${bufferOf(value).toString("hex")}"`;
    } else {
      text += value;
    }
  }
  return `${text}}`;
}

const special = /["\\]/;
const specials = /["\\]/g;

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
