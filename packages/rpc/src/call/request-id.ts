/** The header that carries a request's id from the first call to the last one made on its behalf. */
export const requestIdHeader = "x-request-id";

/**
 * The header of an answer that names the trace of a call that came without one, or failed: `parley trace <id>` shows it. 32 hexadecimal digits
 * (W3C Trace Context, section 3.2.2.3).
 */
export const traceIdHeader = "x-trace-id";

/** What an id that comes in may look like, since it ends up in logs, headers and errors: printable, no spaces, bounded. */
const requestIdPattern = /^[\x21-\x7e]{1,128}$/;

/** The id that came in, if it is fit to be passed on. The answer carries it too. */
export function givenRequestId(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === "string" && requestIdPattern.test(header) ? header : undefined;
}

/** The id that came in, or a new one if none came or it is not fit to be passed on. */
export function requestIdOf(header: string | readonly string[] | undefined, newId: () => string): string {
  return givenRequestId(header) ?? newId();
}
