/** A line of JSON as logfmt: `key=value` pairs, values quoted where needed, nested keys joined with dots. */
export function toLogfmt(jsonLine: string): string {
  const pairs: string[] = [];
  collect("", JSON.parse(jsonLine), pairs);
  return `${pairs.join(" ")}\n`;
}

function collect(prefix: string, value: unknown, pairs: string[]): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) {
      collect(prefix === "" ? key : `${prefix}.${key}`, inner, pairs);
    }
    return;
  }
  const text = typeof value === "string" ? value : JSON.stringify(value);
  pairs.push(
    `${prefix.replaceAll(/[\s="]/g, "_")}=${mustQuote.test(text) || text === "" ? JSON.stringify(text) : text}`,
  );
}

const mustQuote = /[\s="\\\p{Cc}]/u;
