import { randomBytes } from "node:crypto";

/** A new trace: its id, and the header that makes a call its first one (W3C Trace Context, section 3.2). */
export function newTrace(): { readonly traceId: string; readonly traceparent: string } {
  const traceId = randomBytes(16).toString("hex");
  return { traceId, traceparent: `00-${traceId}-${randomBytes(8).toString("hex")}-01` };
}
