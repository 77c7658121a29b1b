import type { JsonValue } from "@bufbuild/protobuf";

/**
 * The outcome of a call from B to A, in one line of JSON: `{"service_b": "ok", "service_a": {"echo": "hello"}}`, or
 * `{"service_b": "ok", "service_a": "unavailable", "error": "…"}`. With a space after colons and commas, like Python.
 */
export function callEchoLine(answer: JsonValue): string {
  const { serviceB = "", serviceA } = answer as CallEcho;
  const line =
    serviceA?.error === undefined
      ? { service_b: serviceB, service_a: { echo: serviceA?.echo ?? "" } }
      : { service_b: serviceB, service_a: serviceA.error.code, error: serviceA.error.message };
  return spaced(line);
}

interface CallEcho {
  readonly serviceB?: string;
  readonly serviceA?: { readonly echo?: string; readonly error?: { readonly code: string; readonly message: string } };
}

function spaced(value: unknown): string {
  if (typeof value !== "object" || value === null) {
    return JSON.stringify(value);
  }
  return `{${Object.entries(value)
    .map(([name, inner]) => `${JSON.stringify(name)}: ${spaced(inner)}`)
    .join(", ")}}`;
}
