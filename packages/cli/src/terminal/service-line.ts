import type { Colors, Terminal } from "./terminal.ts";

/** Fields of a log line besides time, level, message and these are shown as `name=value`. */
const hiddenFields = new Set(["level", "time", "msg", "pid", "hostname", "name", "v"]);

/** pino's numbers (getpino.io, "Log level"). */
const levelNames: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};

/**
 * Writes the lines of services to a terminal: each with its service's name in that service's colour, JSON formatted
 * for people. Without a terminal, lines pass through unchanged.
 */
export function serviceLineWriter(terminal: Terminal, names: readonly string[]): (name: string, line: string) => void {
  if (!terminal.interactive) {
    return (_name, line) => terminal.log(line);
  }
  const { colors } = terminal;
  const palette = [colors.cyan, colors.magenta, colors.yellow, colors.green, colors.blue, colors.red];
  const width = Math.max(...names.map((name) => name.length));
  return (name, line) => {
    const color = palette[names.indexOf(name) % palette.length] ?? colors.cyan;
    terminal.log(`${color(`${name.padEnd(width)} │`)} ${readableLine(line, colors)}`);
  };
}

/** A log line for a person. A line that is not a JSON object stays unchanged. */
export function readableLine(line: string, colors: Colors): string {
  const entry = parseObject(line);
  if (entry === undefined) {
    return line;
  }
  const call = callInWords(entry, colors);
  const parts = [
    colors.dim(timeOfDay(entry.time)),
    paintLevel(levelName(entry.level), colors),
    call ?? (typeof entry.msg === "string" ? entry.msg : ""),
    ...Object.entries(entry)
      .filter(([field]) => !hiddenFields.has(field) && !(call !== undefined && callFields.has(field)))
      .map(([field, value]) => `${colors.dim(`${field}=`)}${fieldValue(value)}`),
  ];
  return parts.filter((part) => part !== "").join(" ");
}

/** The fields in {@link callInWords}, and fields that only matter in searches. */
const callFields = new Set(["service", "method", "code", "latencyMs", "traceId", "peer"]);

/** The access log's line of a call: method, outcome and duration. */
function callInWords(entry: Readonly<Record<string, unknown>>, colors: Colors): string | undefined {
  const { msg, service, method, code, latencyMs } = entry;
  if (msg !== "call" || typeof service !== "string" || typeof method !== "string" || typeof code !== "string") {
    return undefined;
  }
  const painted = code === "OK" ? colors.green(code) : colors.yellow(code);
  const took = typeof latencyMs === "number" ? ` ${latencyMs.toFixed(1)} ms` : "";
  return `${service}/${colors.bold(method)} ${painted}${took}`;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) {
    return undefined;
  }
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    // Not JSON after all: shown unchanged.
    return undefined;
  }
}

function levelName(level: unknown): string {
  return typeof level === "number" ? (levelNames[level] ?? String(level)) : String(level ?? "");
}

function paintLevel(level: string, colors: Colors): string {
  const padded = level.padEnd(5);
  switch (level) {
    case "fatal":
    case "error":
      return colors.red(padded);
    case "warn":
      return colors.yellow(padded);
    case "":
      return "";
    default:
      return colors.dim(padded);
  }
}

function timeOfDay(time: unknown): string {
  const date = new Date(typeof time === "number" || typeof time === "string" ? time : Number.NaN);
  return Number.isNaN(date.getTime()) ? "" : date.toTimeString().slice(0, 8);
}

/** Errors as their stack, on lines of their own; objects as JSON; text unchanged. */
function fieldValue(value: unknown): string {
  if (typeof value === "object" && value !== null && "stack" in value && typeof value.stack === "string") {
    return `\n    ${value.stack.replaceAll("\n", "\n    ")}`;
  }
  return typeof value === "string" && !/[\s"=]/.test(value) ? value : JSON.stringify(value);
}
