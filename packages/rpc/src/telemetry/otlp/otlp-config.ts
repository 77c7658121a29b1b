/** Where one kind of telemetry goes, and how. */
export interface OtlpEndpoint {
  /** The whole URL, for example `http://localhost:4318/v1/traces`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** How long one request may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly gzip: boolean;
  /** The path of the certificates that the collector's must be signed by, PEM. */
  readonly certificateFile: string | undefined;
}

/** How what ended is gathered before it is sent. */
export interface BatchConfig {
  /** What waits at most; further ones are dropped and counted. */
  readonly queueLengthMax: number;
  readonly batchLengthMax: number;
  /** How long the first of a batch waits for others, in milliseconds. */
  readonly delayMs: number;
}

/** What is exported over OTLP. What is undefined is not. */
export interface OtlpConfig {
  /** The attributes of the process (OpenTelemetry, "Resource"). */
  readonly resource: Readonly<Record<string, string>>;
  readonly traces: (OtlpEndpoint & BatchConfig) | undefined;
  readonly logs: (OtlpEndpoint & BatchConfig) | undefined;
  readonly metrics: (OtlpEndpoint & { readonly intervalMs: number }) | undefined;
}

/** `a=1,b=2`, with values percent-encoded (W3C Baggage, which OpenTelemetry's variables follow). Throws a RangeError naming the part that is wrong. */
export function readPairs(text: string): Readonly<Record<string, string>> {
  const pairs: Record<string, string> = {};
  for (const part of text.split(",")) {
    if (part.trim() === "") {
      continue;
    }
    const equals = part.indexOf("=");
    const key = part.slice(0, Math.max(0, equals)).trim();
    if (key === "") {
      throw new RangeError(`must be name=value pairs with commas between, has ${JSON.stringify(part.trim())}`);
    }
    pairs[key] = decoded(part.slice(equals + 1).trim());
  }
  return pairs;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    // A percent sign that begins no escape stands for itself.
    return value;
  }
}
