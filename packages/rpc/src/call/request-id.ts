/** The header that carries a request's id from the first call to the last one made on its behalf. */
export const requestIdHeader = "x-request-id";

/**
 * The response header with the call's trace id, if the request had no trace context or the call failed. `parley trace <id>` shows the trace. 32
 * hexadecimal digits (W3C Trace Context, section 3.2.2.3).
 */
export const traceIdHeader = "x-trace-id";

/** The allowed form of a received id, since it is written to logs, headers and errors: printable, no spaces, bounded. */
const requestIdPattern = /^[\x21-\x7e]{1,128}$/;

/** The received id, if it is valid. The response carries it too. */
export function givenRequestId(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === "string" && requestIdPattern.test(header) ? header : undefined;
}

/** The received id, or a new one if there was none or it is invalid. */
export function requestIdOf(header: string | readonly string[] | undefined, newId: () => string): string {
  return givenRequestId(header) ?? newId();
}
