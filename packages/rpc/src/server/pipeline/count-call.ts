import type { ServerCall } from "./server-call.ts";

/**
 * Counts a call against its caller's rate. Asked once for each call: after its caller was identified, or refused for a bad token, and
 * before anything else is done with it. Throws RESOURCE_EXHAUSTED where the call is one too many.
 */
export type CountCall = (call: ServerCall) => void;
