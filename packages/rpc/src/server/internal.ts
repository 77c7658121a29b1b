/** What other packages of this workspace need of the server's inside. The published package does not have it. */
export { ServerCall } from "./pipeline/server-call.ts";
