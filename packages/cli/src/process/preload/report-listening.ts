// Reports to the stack which ports this process listens on, and which it could
// not listen on, so that the stack never dials a port to find out.
import { subscribe } from "node:diagnostics_channel";
import type { Server } from "node:net";
import type { ListenReport } from "../listen-report.ts";

subscribe("tracing:net.server.listen:asyncEnd", (message) => {
  const address = (message as { readonly server: Server }).server.address();
  if (typeof address === "object" && address !== null) {
    report({ kind: "listening", port: address.port });
  }
});
subscribe("tracing:net.server.listen:error", (message) => {
  const { code, port } = (message as { readonly error: NodeJS.ErrnoException & { readonly port?: number } }).error;
  report({ kind: "listen-failed", port: port ?? 0, code: code ?? "" });
});

function report(message: ListenReport): void {
  // A stack that has ended needs no report; end-with-parent.ts ends this process.
  process.send?.(message, () => {});
}
