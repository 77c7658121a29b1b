// Runs the malicious server in its own process, apart from the client under attack and from the harness.
import type { ClientCalls } from "./client-process.ts";
import { malices } from "./malices.ts";
import { type MaliciousServer, serveMalice } from "./malicious-server.ts";

let server: MaliciousServer | undefined;

process.on(
  "message",
  async ({ malice, calls }: { readonly malice: string; readonly calls: Omit<ClientCalls, "url"> }) => {
    await server?.close();
    server = undefined;
    const found = malices.find(({ name }) => name === malice);
    if (found !== undefined) server = await serveMalice(found, calls);
    process.send?.({ url: server?.url });
  },
);
process.on("disconnect", () => process.exit());
process.on("uncaughtException", (error: NodeJS.ErrnoException) => {
  if (!["ECONNRESET", "EPIPE", "ERR_STREAM_DESTROYED"].includes(error.code ?? "")) throw error;
});
