import { nearestName } from "@parley/contract";

/** The maximum number of paths in a suggestion. */
const pathsMax = 6;

/** Suggests similar paths for an unknown one: " Did you mean /orders?" Empty if none is similar. */
export function nearestPath(templates: readonly string[], path: string): string {
  const below = templates.filter((template) => firstOf(template) === firstOf(path));
  if (below.length > 0) {
    return ` Similar paths: ${below.slice(0, pathsMax).join(", ")}${below.length > pathsMax ? " and others" : ""}.`;
  }
  const nearest = nearestName(firstOf(path), [...new Set(templates.map(firstOf))]);
  return nearest === undefined ? "" : ` Did you mean ${nearest}?`;
}

/** The first segment, without a verb: `/orders` of `/orders:watch` and of `/orders/1`. */
function firstOf(path: string): string {
  return `/${path.split("/", 2)[1]?.split(":", 1)[0] ?? ""}`;
}
