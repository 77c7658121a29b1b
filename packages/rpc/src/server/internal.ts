/** Internals for other packages of this workspace. They are not part of the published package. */
export { ServerCall } from "./pipeline/server-call.ts";
