import type { EdgeSummary } from "../live/call-statistics.ts";
import { outside } from "./map-layout.ts";

/** The call filter for the calls of an edge. */
export function edgeFilter({ from, to }: Pick<EdgeSummary, "from" | "to">): Readonly<Record<string, string>> {
  const isStore = /^(sqlite|postgres)/.test(to);
  return { ...(from === outside ? {} : { from }), to, ...(isStore ? { kind: "database" } : {}) };
}
