/** A report of a service's process to the stack about a port: see preload/report-listening.ts. */
export type ListenReport =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "listen-failed"; readonly port: number; readonly code: string };

/** Whether a message of a child process is such a report. */
export function isListenReport(message: unknown): message is ListenReport {
  const { kind } = (message ?? {}) as { readonly kind?: unknown };
  return kind === "listening" || kind === "listen-failed";
}
