/** The longest line written, in characters: what syslog and container runtimes pass on in one piece is 16 KiB. */
const lineCharsMax = 8_192;

/** The longest value kept of a line that is too long. */
const valueCharsMax = 512;

/** The line as it is, or, if it is too long, a shorter one that is still valid JSON and says that it was cut. */
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

/** Strings cut, and whatever lies deeper than `depth` written as a cut string. */
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
