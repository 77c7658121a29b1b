/** The endpoint of one signal. */
export interface OtlpEndpoint {
  /** The full URL, for example `http://localhost:4318/v1/traces`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The timeout of one request, in milliseconds. */
  readonly timeoutMs: number;
  readonly gzip: boolean;
  /** The path of a PEM file with the CA certificates that the collector's certificate is verified against. */
  readonly certificateFile: string | undefined;
}

/** Batching of one signal. */
export interface BatchConfig {
  /** The maximum queue length. Further items are dropped and counted. */
  readonly queueLengthMax: number;
  readonly batchLengthMax: number;
  /** How long the first item of a batch waits for others, in milliseconds. */
  readonly delayMs: number;
}

/** The signals exported over OTLP. An undefined signal is not exported. */
export interface OtlpConfig {
  /** The resource attributes of the process (OpenTelemetry, "Resource"). */
  readonly resource: Readonly<Record<string, string>>;
  readonly traces: (OtlpEndpoint & BatchConfig) | undefined;
  readonly logs: (OtlpEndpoint & BatchConfig) | undefined;
  readonly metrics: (OtlpEndpoint & { readonly intervalMs: number }) | undefined;
}

/**
 * Parses `a=1,b=2`, with percent-encoded values (the format of W3C Baggage, which OpenTelemetry's variables use). Throws a RangeError that names
 * the invalid part.
 */
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
    // A percent sign without two hexadecimal digits is kept as it is.
    return value;
  }
}
