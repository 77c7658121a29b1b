/** The longest line, in characters: syslog and container runtimes pass on 16 KiB in one piece. */
const lineCharsMax = 8_192;

/** The longest value kept of an oversized line. */
const valueCharsMax = 512;

/** The line unchanged, or, if it is too long, a shorter one that is still valid JSON and marked as truncated. */
export function boundLogLine(line: string): string {
  if (line.length <= lineCharsMax) {
    return line;
  }
  const entry: unknown = JSON.parse(line);
  const short = JSON.stringify({ ...(cut(entry, 2) as object), truncated: true });
  if (short.length < lineCharsMax) {
    return `${short}\n`;
  }
  const { level, time, name, msg } = entry as Record<string, unknown>;
  return `${JSON.stringify({ level, time, name: cut(name, 0), msg: cut(msg, 0), truncated: true })}\n`;
}

/** Strings truncated, and values deeper than `depth` as a truncated string. */
function cut(value: unknown, depth: number): unknown {
  if (typeof value === "string") {
    return value.length > valueCharsMax ? `${value.slice(0, valueCharsMax)}…` : value;
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (depth === 0 || Array.isArray(value)) {
    return cut(JSON.stringify(value), 0);
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cut(inner, depth - 1)]));
}
